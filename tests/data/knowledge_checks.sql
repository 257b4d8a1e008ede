-- The knowledge questions a second way, in DuckDB SQL over the seed rows.

-- kn-sql-01
SELECT date_trunc('day', placed_at)::DATE, count(*) FROM orders WHERE failure_reason = 'checkout_error' OR failure_reason = 'fraud_check_unavailable' OR failure_reason = 'timeout' GROUP BY ALL

-- kn-sql-02
SELECT severity, sum(CASE WHEN date_diff('second', fired_at, acknowledged_at) > 600 THEN 1 ELSE 0 END) AS late FROM alerts GROUP BY severity HAVING late > 0

-- kn-sql-03
SELECT country, count(*) - count(*) FILTER (WHERE segment = 'consumer') AS n FROM customers GROUP BY country HAVING n > 0

-- kn-sql-04
SELECT payment_method, count(*) FROM (SELECT * FROM orders EXCEPT ALL SELECT * FROM orders WHERE amount_eur <= 400) GROUP BY ALL

-- kn-sql-05
SELECT (SELECT name FROM services s WHERE s.service_id = d.service_id) AS service, count(*) FROM deployments d WHERE is_rollback AND environment <> 'staging' GROUP BY service

-- kn-kql-01
SELECT AppDisplayName, count(*) FROM SigninLogs WHERE RiskLevelDuringSignIn NOT IN ('none', 'low') GROUP BY ALL

-- kn-kql-02
SELECT Location, count(*) FROM SigninLogs WHERE NOT (Location = 'PT' OR Location = 'PL' OR Location = 'CA') GROUP BY ALL

-- kn-kql-03
SELECT FileName, DeviceName, count(*) FROM DeviceProcessEvents WHERE regexp_full_match(FileName, '(rclone|7z|psexec)\.exe') GROUP BY ALL

-- kn-kql-04
SELECT ProviderName, count(*) FROM SecurityAlert WHERE AlertSeverity NOT IN ('Low', 'Informational') GROUP BY ALL

-- kn-kql-05
SELECT Identity, count(*) FROM AuditLogs WHERE OperationName = 'Add member to role' OR OperationName LIKE 'Add service principal%' OR OperationName LIKE 'Consent to%' GROUP BY ALL

-- kn-spl-01
SELECT service, count(*) FROM web WHERE response_time / 1000 > 3 GROUP BY ALL

-- kn-spl-02
SELECT service, count(*) FILTER (WHERE status = 429) + count(*) FILTER (WHERE status = 503) AS n FROM web GROUP BY service HAVING n > 0

-- kn-spl-03
SELECT host, max(UsePct) AS most FROM os WHERE sourcetype = 'df' GROUP BY host HAVING most >= 95

-- kn-spl-04
SELECT host, count(*) FROM os WHERE sourcetype = 'cpu' AND 100 - pctIdle > 90 GROUP BY ALL

-- kn-spl-05
SELECT src_ip, count(*) FROM auth WHERE reason LIKE 'invalid%' OR reason LIKE 'too many%' GROUP BY ALL
