"""Honest SQL of seven dialects, one query a line: what people of each write."""
# ruff: noqa: E501 - a query is one line

SQL_OF_ALL = r"""
SELECT HostName FROM Hosts WHERE HostName = 'DROP TABLE Hosts; --' -- DELETE FROM Hosts
SELECT HostName AS deleted, IPAddress AS updated_at FROM Hosts /* UPDATE Hosts */
SELECT UserPrincipalName, COUNT(*) AS n FROM SigninLogs GROUP BY UserPrincipalName HAVING COUNT(*) > 1 ORDER BY n DESC
SELECT s.UserPrincipalName, h.HostName FROM SigninLogs s LEFT JOIN Hosts h ON h.IPAddress = s.IPAddress
SELECT s.UserPrincipalName FROM SigninLogs s, Hosts h WHERE h.IPAddress = s.IPAddress
SELECT (SELECT COUNT(*) FROM Hosts) AS hosts, (SELECT COUNT(*) FROM SigninLogs) AS signins
WITH n AS (SELECT COUNT(*) AS total FROM SigninLogs) SELECT h.HostName, n.total FROM Hosts h CROSS JOIN n
WITH f AS (SELECT IPAddress, MAX(Risk) AS worst FROM SigninLogs GROUP BY IPAddress) SELECT h.HostName, f.worst FROM Hosts h JOIN f ON f.IPAddress = h.IPAddress
SELECT a.UserPrincipalName FROM SigninLogs a JOIN SigninLogs b ON b.UserPrincipalName = a.UserPrincipalName AND b.TimeGenerated > a.TimeGenerated
SELECT HostName FROM Hosts WHERE IPAddress NOT IN (SELECT IPAddress FROM SigninLogs WHERE Risk > 0.5)
SELECT UserPrincipalName, ROW_NUMBER() OVER (PARTITION BY IPAddress ORDER BY TimeGenerated DESC) AS rn FROM SigninLogs
SELECT IPAddress, LAG(Risk) OVER (ORDER BY TimeGenerated) AS before FROM SigninLogs
SELECT CASE WHEN Risk > 0.8 THEN 'high' WHEN Risk > 0.4 THEN 'medium' ELSE 'low' END AS level, COUNT(*) FROM SigninLogs GROUP BY 1
SELECT COALESCE(NULLIF(UserPrincipalName, ''), 'none') FROM SigninLogs
SELECT UPPER(HostName), LENGTH(HostName), REPLACE(HostName, '-', '_'), TRIM(HostName) FROM Hosts
SELECT ROUND(AVG(Risk), 2), MIN(Risk), MAX(Risk), SUM(DurationMs), COUNT(DISTINCT IPAddress) FROM SigninLogs
SELECT HostName FROM Hosts WHERE HostName LIKE 'web%' OR HostName IN ('a', 'b') OR HostName BETWEEN 'a' AND 'b'
SELECT HostName FROM Hosts UNION ALL SELECT UserPrincipalName FROM SigninLogs
SELECT CAST(Risk AS INT) FROM SigninLogs WHERE ResultType IS NOT NULL
SELECT Hosts.HostName FROM Hosts WHERE EXISTS (SELECT 1 FROM SigninLogs WHERE SigninLogs.IPAddress = Hosts.IPAddress)
"""

SQL_OF_ONE = r"""
duckdb: SELECT time_bucket(INTERVAL 1 HOUR, TimeGenerated) AS hour, count(*) FROM SigninLogs GROUP BY ALL
duckdb: SELECT g, count(s.Risk) FROM generate_series(1, 24) AS t(g) LEFT JOIN SigninLogs s ON hour(s.TimeGenerated) = t.g GROUP BY g
duckdb: WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 10) SELECT n FROM r
duckdb: SELECT list(HostName), arg_max(HostName, IPAddress), approx_count_distinct(IPAddress) FROM Hosts
duckdb: SELECT Details->>'$.city' AS city, json_array_length(Details, '$.tags') FROM SigninLogs
duckdb: SELECT regexp_matches(HostName, '^web'), strftime(now(), '%Y'), lpad(HostName, 20, '.') FROM Hosts
sqlite: SELECT date(TimeGenerated, '-7 days'), strftime('%Y-%m', TimeGenerated) FROM SigninLogs
sqlite: SELECT julianday('now') - julianday(TimeGenerated) FROM SigninLogs
sqlite: SELECT HostName || ':' || IPAddress, substr(HostName, 1, 3), instr(HostName, '-') FROM Hosts
sqlite: SELECT ifnull(DurationMs, 0), iif(Risk > 0.5, 'high', 'low'), group_concat(IPAddress, ',') FROM SigninLogs GROUP BY 1, 2
sqlite: SELECT json_extract(Details, '$.city') FROM SigninLogs WHERE IPAddress IS NULL OR 1
sqlite: SELECT total(DurationMs), typeof(Risk), printf('%.2f', Risk) FROM SigninLogs GROUP BY 2, 3
postgres: SELECT DATE_TRUNC('week', TimeGenerated) AS week, COUNT(*) FILTER (WHERE Succeeded) FROM SigninLogs GROUP BY 1
postgres: SELECT TO_CHAR(TimeGenerated, 'YYYY-MM'), EXTRACT(DOW FROM TimeGenerated), AGE(NOW(), TimeGenerated) FROM SigninLogs
postgres: SELECT HostName FROM Hosts WHERE HostName ~* '^WEB' AND HostName ILIKE '%1'
postgres: SELECT DISTINCT ON (UserPrincipalName) UserPrincipalName, IPAddress FROM SigninLogs ORDER BY UserPrincipalName, TimeGenerated DESC
postgres: SELECT STRING_AGG(HostName, ', ' ORDER BY HostName), ARRAY_AGG(IPAddress) FROM Hosts
postgres: SELECT PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY DurationMs) FROM SigninLogs
postgres: SELECT TimeGenerated::date, Risk::numeric, Details->>'city' FROM SigninLogs WHERE TimeGenerated >= CURRENT_DATE - INTERVAL '30 days'
postgres: SELECT d, COUNT(s.Risk) FROM generate_series(CURRENT_DATE - INTERVAL '7 days', CURRENT_DATE, INTERVAL '1 day') AS g(d) LEFT JOIN SigninLogs s ON s.TimeGenerated::date = g.d GROUP BY d
mysql: SELECT DATE_FORMAT(TimeGenerated, '%Y-%m') AS month, COUNT(*) FROM SigninLogs GROUP BY month
mysql: SELECT `HostName`, CONCAT(HostName, ':', IPAddress), IFNULL(IPAddress, '') FROM `Hosts` LIMIT 5, 10
mysql: SELECT * FROM SigninLogs WHERE TimeGenerated >= DATE_SUB(NOW(), INTERVAL 7 DAY) AND UserPrincipalName REGEXP '^a'
mysql: SELECT GROUP_CONCAT(DISTINCT IPAddress ORDER BY IPAddress SEPARATOR ';') FROM SigninLogs
mysql: SELECT YEAR(TimeGenerated), MONTH(TimeGenerated), DATEDIFF(NOW(), TimeGenerated), UNIX_TIMESTAMP(TimeGenerated) FROM SigninLogs
mysql: SELECT IF(Risk > 0.5, 'high', 'low'), SUBSTRING_INDEX(UserPrincipalName, '@', 1) FROM SigninLogs
tsql: SELECT TOP 10 [UserPrincipalName], COUNT(*) AS n FROM [dbo].[SigninLogs] GROUP BY [UserPrincipalName] ORDER BY n DESC
tsql: SELECT CONVERT(DATE, TimeGenerated), DATEPART(HOUR, TimeGenerated), FORMAT(TimeGenerated, 'yyyy-MM') FROM SigninLogs
tsql: SELECT * FROM SigninLogs WHERE TimeGenerated >= DATEADD(DAY, -7, GETDATE()) AND DATEDIFF(HOUR, TimeGenerated, GETDATE()) < 5
tsql: SELECT HostName FROM Hosts ORDER BY HostName OFFSET 5 ROWS FETCH NEXT 10 ROWS ONLY
tsql: SELECT ISNULL(IPAddress, ''), IIF(HostName = 'a', 1, 0), LEN(HostName), CHARINDEX('-', HostName) FROM Hosts WITH (NOLOCK)
tsql: SELECT STRING_AGG(HostName, ',') WITHIN GROUP (ORDER BY HostName) FROM Hosts
tsql: SELECT h.HostName, x.n FROM Hosts h CROSS APPLY (SELECT COUNT(*) AS n FROM SigninLogs s WHERE s.IPAddress = h.IPAddress) x
snowflake: SELECT DATE_TRUNC('DAY', TimeGenerated) AS d, COUNT_IF(Succeeded) FROM SigninLogs GROUP BY d
snowflake: SELECT UserPrincipalName, Risk FROM SigninLogs QUALIFY ROW_NUMBER() OVER (PARTITION BY UserPrincipalName ORDER BY Risk DESC) = 1
snowflake: SELECT DATEADD(day, -7, CURRENT_DATE()), DATEDIFF('hour', TimeGenerated, CURRENT_TIMESTAMP()) FROM SigninLogs
snowflake: SELECT LISTAGG(HostName, ',') WITHIN GROUP (ORDER BY HostName), ANY_VALUE(IPAddress) FROM Hosts
snowflake: SELECT NVL(IPAddress, ''), IFF(HostName ILIKE 'web%', 1, 0), SPLIT_PART(HostName, '-', 1), ZEROIFNULL(1) FROM Hosts
snowflake: SELECT TRY_TO_NUMBER(ResultType), TO_VARCHAR(TimeGenerated), HostName::VARCHAR FROM SigninLogs JOIN Hosts USING (IPAddress)
bigquery: SELECT TIMESTAMP_TRUNC(TimeGenerated, DAY) AS d, COUNTIF(Succeeded) FROM SigninLogs GROUP BY d
bigquery: SELECT FORMAT_TIMESTAMP('%Y-%m', TimeGenerated), SAFE_DIVIDE(DurationMs, Risk), SAFE_CAST(ResultType AS INT64) FROM SigninLogs
bigquery: SELECT * FROM `SigninLogs` WHERE TimeGenerated > TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
bigquery: SELECT ARRAY_AGG(HostName ORDER BY HostName LIMIT 3), STRING_AGG(IPAddress, ',') FROM Hosts
bigquery: SELECT HostName, ROW_NUMBER() OVER (ORDER BY HostName) AS rn FROM Hosts QUALIFY rn = 1
bigquery: SELECT x FROM UNNEST([1, 2, 3]) AS x
bigquery: SELECT REGEXP_CONTAINS(HostName, r'^web'), REGEXP_EXTRACT(HostName, r'(\d+)$'), STARTS_WITH(HostName, 'w') FROM Hosts
"""

# A function of another dialect, and the nearest there is.
WRONG_FUNCTIONS = r"""
duckdb: SELECT getdate() FROM Hosts
sqlite: SELECT date_trunc('day', TimeGenerated) FROM SigninLogs
sqlite: SELECT regexp_extract(HostName, 'a') FROM Hosts
postgres: SELECT ifnul(HostName, '') FROM Hosts
postgres: SELECT group_concatt(HostName) FROM Hosts
mysql: SELECT to_timestampp(HostName) FROM Hosts
mysql: SELECT list_transform(HostName) FROM Hosts
tsql: SELECT strptime(HostName, '%Y') FROM Hosts
tsql: SELECT lenght(HostName) FROM Hosts
snowflake: SELECT julianday(TimeGenerated) FROM SigninLogs
snowflake: SELECT strftimee(HostName) FROM Hosts
bigquery: SELECT datepartt(HostName) FROM Hosts
bigquery: SELECT list_aggregate(HostName) FROM Hosts
"""
