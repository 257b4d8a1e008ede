"""The commands of SPL as data: what each is, how its arguments are written, which options it takes.

Source: Splunk's Search Reference (9.x), list of search commands. One line a command:
`name kind grammar option option ...`; kind as Splunk says: generating (reads data, starts a search), streaming
(event by event), transforming (makes a table of results), dataset (needs all events), writing (a side effect).
"""

from __future__ import annotations

from dataclasses import dataclass

_TABLE = """
abstract streaming words maxterms maxlines
accum streaming words
addcoltotals dataset fields labelfield label fieldname
addinfo streaming none
addtotals dataset fields row col labelfield label fieldname
analyzefields transforming words classfield
anomalies streaming words threshold labelonly normalize maxvalues field denylist denylistthreshold
anomalousvalue transforming words action pthresh maxanofreq minsupcount minsupfreq
anomalydetection transforming words method action pthresh cutoff
append dataset subsearch extendtimerange maxtime maxout timeout
appendcols dataset subsearch override maxtime maxout timeout extendtimerange
appendpipe dataset subsearch run_in_preview
arules transforming words sup conf
associate transforming words supcnt supfreq improv
audit generating words
autoregress streaming words p
bin streaming bin span bins minspan start end aligntime
bucket streaming bin span bins minspan start end aligntime
bucketdir transforming words pathfield sizefield maxcount countfield sep
chart transforming aggregate limit agg sep format cont usenull useother nullstr otherstr span bins start end minspan \
aligntime dedup_splitvals
cluster dataset words t delims showcount countfield labelfield field labelonly match
cofilter transforming words
collect writing words index addtime file spool marker output_format testmode run_in_preview host source sourcetype \
uselb
concurrency dataset words duration start output
contingency transforming words maxopts maxrows maxcols mincolcover minrowcover usetotal totalstr
convert streaming convert timeformat
correlate transforming words
crawl generating words
datamodel generating datamodel summariesonly allow_old_summaries strict_fields flat
datamodelsimple generating words type datamodel object nodename
dbinspect generating words index splunk_server splunk_server_group corruptonly cached timeformat span
dbxquery running words query connection shortnames maxrows procedure params timeout fetchsize
dedup streaming dedup keepevents keepempty consecutive
delete writing none
delta streaming words p
diff dataset words position1 position2 attribute diffheader context maxlen
dump writing words basefilename rollsize compress format fields
erex streaming words fromfield examples counterexamples maxtrainers
eval streaming eval
eventcount generating words index splunk_server splunk_server_group summarize report_size list_vix \
list_federated_remote
eventstats dataset aggregate allnum
extract streaming words segment auto reload limit maxchars mv_add clean_keys kvdelim pairdelim
fieldformat streaming eval
fields streaming fields
fieldsummary transforming fields maxvals
filldown dataset fields
fillnull streaming fields value
findtypes transforming words max notcovered useraw
folderize transforming words attr sep size minfolders maxfolders
foreach streaming foreach mode fieldstr matchstr matchseg1 matchseg2 matchseg3 itemstr
format transforming words mvsep maxresults emptystr
from generating from
fromjson streaming words prefix
tojson streaming words auto bool json none num str output_field fill_null default_type include_internal
gauge transforming words
gentimes generating words start end increment
geom streaming words featurecollection featureidfield gen min_x min_y max_x max_y allfeatures
geomfilter streaming words min_x min_y max_x max_y
geostats transforming words translatetoxy latfield longfield outputlatfield outputlongfield globallimit locallimit \
binspanlat binspanlong maxzoomlevel
head dataset head limit null keeplast
highlight streaming words
history generating words events
iconify streaming words
inputcsv generating words dispatch append start max events strict
inputintelligence generating words
inputlookup generating inputlookup append start max strict
iplocation streaming words prefix allfields lang
join dataset join type usetime earlier overwrite max left right
kmeans dataset words k maxiters reps t dt cfield showcent cnumfield
kv streaming words segment auto reload limit maxchars mv_add clean_keys kvdelim pairdelim
kvform streaming words form field
loadjob generating words savedsearch events job_delegate artifact_offset ignore_running
localize dataset words maxpause timeafter timebefore
localop streaming none
lookup streaming lookup local update event_time_field
makecontinuous transforming words span bins start end aligntime
makejson streaming words output
makemv streaming makemv delim tokenizer allowempty setsv
makeresults generating none count annotate splunk_server splunk_server_group format data
map running map search maxsearches
mcatalog generating words prestats append
mcollect writing words index file split spool prefix_field host source sourcetype marker
meventcollect writing words index split spool prefix_field host source sourcetype
metadata generating words type index splunk_server splunk_server_group datatype splunk_server
metasearch generating search
mpreview generating words index splunk_server target_per_timeseries filter
msearch generating words index splunk_server target_per_timeseries filter earliest latest chunk_size
mstats generating aggregate prestats append backfill update_period fillnull_value chart span earliest latest \
chart.limit chart.agg chart.usenull chart.useother chart.nullstr chart.otherstr
multikv streaming words conf forceheader multitable noheader rmorig copyattrs fields filter
multisearch generating subsearches
mvcombine dataset fields delim
mvexpand streaming fields limit
nomv streaming fields
outlier dataset words action mark param uselower
outputcsv writing words append create_empty override_if_empty dispatch usexml singlefile
outputlookup writing words append create_empty override_if_empty max key_field createinapp create_context \
output_format allow_updates
outputraw writing words
outputtext writing words usexml
overlap dataset words
pivot generating words
predict transforming words algorithm future_timespan holdback period correlate upper95 lower95 as suppress
rangemap streaming words field default attrn
rare transforming top limit countfield percentfield showcount showperc
top transforming top limit countfield percentfield showcount showperc otherstr useother
redistribute dataset words num_of_reducers
regex streaming regex
reltime streaming words timefield prefix
rename streaming rename
replace streaming replace
require dataset none
rest running words count splunk_server splunk_server_group timeout strict services
return transforming words
reverse dataset none
rex streaming rex field max_match offset_field mode
rtorder dataset words discard buffer_span max_buffer_size
run running words
runshellscript running words
savedsearch running words nosubstitution
script running words maxinputs
scrub streaming words public-terms private-terms name-terms dictionary timeconfig namespace
search streaming search
searchtxn generating words max_terms use_disjunct eventsonly
selfjoin transforming words overwrite max keepsingle
sendalert writing words results_file results_link
sendemail writing words to from cc bcc subject format inline sendresults sendpdf priority server width_sort_columns \
graceful content_type message sendcsv use_ssl use_tls pdfview papersize paperorientation maxinputs maxtime footer
set dataset words
setfields streaming words
sichart transforming aggregate limit agg sep format cont usenull useother nullstr otherstr span bins
sirare transforming top limit countfield percentfield showcount showperc
sistats transforming aggregate allnum delim
sitimechart transforming aggregate limit agg sep format partial cont usenull useother nullstr otherstr span bins
sitop transforming top limit countfield percentfield showcount showperc otherstr useother
snowincident writing words
snoweventstream writing words
sort dataset sort limit
spath streaming spath input output path
stats transforming aggregate allnum delim partitions prestats
strcat streaming words allrequired
streamstats streaming aggregate current window time_window global allnum reset_on_change reset_before reset_after
table transforming fields
tags streaming fields outputfield inclname inclvalue allowed_tags
timechart transforming aggregate limit agg sep format partial cont usenull useother nullstr otherstr span bins \
minspan start end aligntime fixedrange dedup_splitvals
timewrap transforming words align series time_format
tail dataset head limit
transaction transforming transaction name maxspan maxpause maxevents startswith endswith connected unifyends \
keeporphans maxopentxn maxopenevents keepevicted mvlist delim nullstr mvraw
transpose transforming words column_name header_field include_empty
trendline streaming words
tscollect writing words namespace squashcase keepresults
tstats generating aggregate prestats local append summariesonly include_reduced_buckets allow_old_summaries \
chunk_size fillnull_value span use_summary_index_values
typeahead generating words prefix count max_time index starttimeu endtimeu collapse
typelearner transforming words
typer streaming words eventtypes maxlen
union generating subsearches maxtime maxout timeout
uniq streaming none
untable transforming words
walklex generating words type index splunk_server prefix pattern
where streaming where
x11 transforming words
xmlkv streaming words maxinputs
xmlunescape streaming words maxinputs
xpath streaming words field outfield default
xyseries transforming words grouped sep format
apply streaming words as threshold probabilities features
fit transforming words as into
summary generating words
score transforming words
sample dataset words ratio count proportional by seed partitions inverse
listmodels running words
deletemodel writing words
"""

DENIED = {
    "delete": "deletes events",
    "outputlookup": "writes a lookup",
    "outputcsv": "writes a file",
    "outputraw": "writes a file",
    "outputtext": "writes a file",
    "collect": "writes to an index",
    "mcollect": "writes to a metric index",
    "meventcollect": "writes to a metric index",
    "tscollect": "writes an index file",
    "stash": "writes to a summary index",
    "sistats": "prepares summary-index writes",
    "sichart": "prepares summary-index writes",
    "sitimechart": "prepares summary-index writes",
    "sitop": "prepares summary-index writes",
    "sirare": "prepares summary-index writes",
    "sendemail": "sends data out by e-mail",
    "sendalert": "triggers an alert action",
    "snowincident": "creates a ticket in another system",
    "snoweventstream": "creates events in another system",
    "script": "runs a program on the server",
    "run": "runs a program on the server",
    "runshellscript": "runs a program on the server",
    "map": "runs searches built from data",
    "rest": "reads the server's own settings, not the catalog's data",
    "dump": "writes files",
    "savedsearch": "runs a search that can't be checked here",
    "loadjob": "reads another search's results, not the catalog's data",
    "dbxquery": "runs a statement on another database",
    "inputcsv": "reads a file of the server, not the catalog's data",
    "inputintelligence": "reads outside the catalog",
    "crawl": "reads the server's file system",
    "audit": "reads the server's audit log, not the catalog's data",
    "history": "reads other users' searches",
    "typeahead": "reads outside the catalog",
    "fit": "writes a model",
    "deletemodel": "deletes a model",
    "listmodels": "reads the server's own settings",
}


# What other languages call them, for suggestions.
OTHER_WORDS = {
    **dict.fromkeys(("select", "project", "columns"), "table"),
    **dict.fromkeys(("filter", "having"), "where"),
    **dict.fromkeys(("extend", "let", "set", "mutate"), "eval"),
    **dict.fromkeys(("summarize", "group", "groupby", "aggregate", "count", "by"), "stats"),
    **dict.fromkeys(("limit", "take"), "head"),
    **dict.fromkeys(("order", "orderby"), "sort"),
    **dict.fromkeys(("distinct", "unique"), "dedup"),
    **dict.fromkeys(("parse", "grok"), "rex"),
    "project-away": "fields -",
    "mv-expand": "mvexpand",
    "make-series": "timechart",
}


@dataclass(frozen=True)
class Entry:
    """name; kind: see the module; grammar: the parser's function; options: the names it takes."""

    name: str
    kind: str
    grammar: str
    options: frozenset[str]


def _read() -> dict[str, Entry]:
    entries = {}
    for line in _TABLE.strip().splitlines():
        name, kind, grammar, *options = line.split()
        entries[name] = Entry(name, kind, grammar, frozenset(options))
    return entries


COMMANDS: dict[str, Entry] = _read()

# Commands that nobody means as a search term when a search starts with them.
STARTS_WITH_PIPE = frozenset(("tstats", "mstats", "inputlookup", "makeresults", "metadata", "datamodel", "dbinspect"))
