-- Each gold query of data/seed/questions.jsonl computed a second way, in DuckDB SQL on the same rows.

-- kql-01
SELECT count(*) FROM SigninLogs WHERE ResultType <> '0';

-- kql-02
SELECT DISTINCT Computer FROM Heartbeat WHERE Version = '1.29.1';

-- kql-03
SELECT ResultType, count(*) FROM SigninLogs WHERE Location = 'RO' GROUP BY 1;

-- kql-04
SELECT DISTINCT DeviceName, AccountName FROM DeviceProcessEvents WHERE lower(FileName) = 'rclone.exe';

-- kql-05
SELECT UserPrincipalName, count(*) AS n FROM SigninLogs WHERE TimeGenerated >= '2026-03-14' AND TimeGenerated < '2026-03-15' AND ResultType = '50126' GROUP BY 1 HAVING n > 10;

-- kql-06
SELECT TimeGenerated, UserPrincipalName, AppDisplayName FROM SigninLogs WHERE IPAddress = '198.51.100.77' AND ResultType = '0' ORDER BY TimeGenerated;

-- kql-07
SELECT TimeGenerated, OperationName, Result FROM AuditLogs WHERE Identity = 'Tomas Lindqvist' AND TimeGenerated BETWEEN '2026-03-05 03:00' AND '2026-03-05 04:00';

-- kql-08
SELECT InitiatingProcessFileName, ActionType, count(*) FROM DeviceNetworkEvents WHERE DeviceName = 'lt-101' AND RemoteIP = '192.0.2.146' GROUP BY 1, 2;

-- kql-09
SELECT date_trunc('day', TimeGenerated)::TIMESTAMP, count(*) FROM SecurityAlert WHERE TimeGenerated >= '2026-03-08' AND AlertSeverity IN ('Medium', 'High') GROUP BY 1 ORDER BY 1;

-- kql-10
SELECT AppDisplayName, round(avg(CASE WHEN ResultType = '0' THEN 0.0 ELSE 100.0 END), 1) FROM SigninLogs WHERE IsInteractive GROUP BY 1;

-- kql-11
SELECT IPAddress, count(DISTINCT UserPrincipalName) AS n FROM SigninLogs WHERE IPAddress NOT IN ('203.0.113.10', '203.0.113.20', '203.0.113.30') GROUP BY 1 ORDER BY n DESC LIMIT 1;

-- kql-12
SELECT UserId, count(*) FROM OfficeActivity WHERE Operation = 'FileDownloaded' AND TimeGenerated >= '2026-03-12 20:00' AND TimeGenerated < '2026-03-13' GROUP BY 1;

-- kql-13
SELECT s.UserPrincipalName, count(*) FROM SigninLogs s WHERE s.TimeGenerated > '2026-03-12' AND s.UserPrincipalName IN (SELECT AccountUPN FROM IdentityInfo WHERE NOT IsAccountEnabled) GROUP BY 1;

-- kql-14
SELECT a.AlertName, i.AccountUPN, i.JobTitle, i.Manager FROM SecurityAlert a, IdentityInfo i WHERE a.AlertSeverity = 'High' AND a.CompromisedEntity = i.AccountUPN AND i.UserType = 'Member';

-- kql-15
SELECT DeviceName, InitiatingProcessFileName, count(*) FROM DeviceProcessEvents WHERE FileName = '7z.exe' AND DeviceName IN (SELECT DeviceName FROM DeviceProcessEvents WHERE FileName = '7z.exe' GROUP BY 1 HAVING count(*) > 10) GROUP BY 1, 2;

-- spl-01
SELECT count(*) FROM web WHERE service = 'search' AND status = 504;

-- spl-02
SELECT _time, service, version, environment FROM deploy WHERE status = 'failed';

-- spl-03
SELECT version, count(*) FROM app WHERE error_code = 'CHK-5003' AND service = 'checkout' GROUP BY 1;

-- spl-04
SELECT service, max(response_time) FROM web WHERE _time >= '2026-03-14' GROUP BY 1;

-- spl-05
SELECT uri_path, count(*) AS n FROM web WHERE status = 404 GROUP BY 1 ORDER BY n DESC LIMIT 5;

-- spl-06
SELECT count(DISTINCT "user") FROM auth WHERE sourcetype = 'linux_secure' AND host = 'bastion-1' AND action = 'success';

-- spl-07
SELECT host, count(*) FROM os WHERE sourcetype = 'syslog' AND process = 'kernel' AND message LIKE 'Out of memory%' GROUP BY 1;

-- spl-08
SELECT count(*) FROM os WHERE sourcetype = 'cpu' AND host = 'reporting-1' AND 100 - pctIdle > 90;

-- spl-09
SELECT "user", count(*) FROM auth WHERE src_ip = '198.51.100.23' GROUP BY 1;

-- spl-10
SELECT time_bucket(INTERVAL 10 MINUTE, _time), count(*) FROM web WHERE service = 'checkout' AND method = 'POST' AND status = 500 AND _time >= '2026-03-10 14:00' AND _time < '2026-03-10 16:00' GROUP BY 1;

-- spl-11
SELECT o.team, o.tier, count(*) FROM web w JOIN service_owners o USING (service) WHERE w.status >= 500 GROUP BY 1, 2;

-- spl-12
SELECT round(100.0 * count(*) FILTER (WHERE status = 429) / count(*), 1) FROM web WHERE useragent LIKE 'PriceHarvest%';

-- spl-13
SELECT CASE WHEN _time >= '2026-03-12 10:30' THEN 'since' ELSE 'before' END, avg(response_time) FROM web WHERE service = 'search' GROUP BY 1;

-- spl-14
SELECT error_code, count(*) FROM app WHERE trace_id IN (SELECT trace_id FROM web WHERE service = 'payments' AND status = 502) AND error_code IS NOT NULL GROUP BY 1;

-- spl-15
SELECT date_trunc('day', _time)::TIMESTAMP, max(UsePct) FROM os WHERE sourcetype = 'df' AND host = 'db-orders-1' AND MountedOn = '/data' AND UsePct >= 90 GROUP BY 1;

-- sql-01
SELECT sum(CASE WHEN country = 'DE' AND segment = 'small_business' THEN 1 ELSE 0 END) FROM customers;

-- sql-02
SELECT payment_method, sum(amount_eur) / count(*) FROM orders WHERE status = 'paid' GROUP BY 1;

-- sql-03
SELECT full_name, left_on FROM employees WHERE left_on < DATE '2026-03-15';

-- sql-04
SELECT c.customer_id, sum(o.amount_eur) AS s FROM customers c JOIN orders o USING (customer_id) WHERE o.status = 'paid' GROUP BY 1 ORDER BY s DESC LIMIT 5;

-- sql-05
SELECT source, count(*) FROM alerts WHERE acknowledged_at IS NULL AND fired_at >= '2026-03-08' GROUP BY 1;

-- sql-06
SELECT count(*) FROM tickets WHERE priority = 'P2' AND date_diff('second', opened_at, first_response_at) > 3600;

-- sql-07
SELECT (SELECT name FROM teams WHERE teams.team_id = s.team_id) AS team, count(*) FROM services s JOIN tickets k USING (service_id) WHERE k.kind = 'incident' AND k.resolved_at IS NULL GROUP BY 1;

-- sql-08
SELECT severity, avg(epoch(acknowledged_at) - epoch(fired_at)) / 60 FROM alerts WHERE acknowledged_at IS NOT NULL GROUP BY 1;

-- sql-09
SELECT day, (requests - errors) / requests FROM daily_service_metrics WHERE service_id = 3 ORDER BY errors / requests DESC LIMIT 1;

-- sql-10
SELECT s.name, count(*) FILTER (WHERE d.status = 'failed' OR d.is_rollback) / count(*) FROM deployments d, services s WHERE d.service_id = s.service_id AND d.environment = 'production' GROUP BY 1;

-- sql-11
SELECT full_name FROM employees WHERE employee_id = (SELECT employee_id FROM on_call_shifts WHERE team_id = 1 AND level = 'primary' AND TIMESTAMP '2026-03-10 14:14' BETWEEN starts_at AND ends_at);

-- sql-12
SELECT hour(placed_at), count(*) AS n FROM orders WHERE status = 'paid' GROUP BY 1 ORDER BY n DESC LIMIT 3;

-- sql-13
SELECT full_name FROM employees WHERE team_id = 7 AND left_on IS NULL AND employee_id NOT IN (SELECT employee_id FROM on_call_shifts);

-- sql-14
SELECT k.ticket_id, k.title, (epoch(k.resolved_at) - epoch(a.fired_at)) / 60 FROM alerts a JOIN tickets k USING (ticket_id) WHERE k.priority = 'P1';

-- sql-15
WITH d AS (SELECT placed_at::DATE AS day, sum(amount_eur) AS r FROM orders WHERE status = 'paid' GROUP BY 1) SELECT a.day, a.r, a.r - b.r FROM d a LEFT JOIN d b ON b.day = a.day - 1 ORDER BY a.day;
