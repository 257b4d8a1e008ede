-- The questions of data/seed/spl_questions.jsonl, each answered a second way, in DuckDB SQL on the same rows.

-- spl-101
SELECT count(*) FROM web WHERE status = 429;

-- spl-102
SELECT method, count(*) FROM web GROUP BY 1;

-- spl-103
SELECT max(bytes) FROM web WHERE service = 'cart';

-- spl-104
SELECT count(DISTINCT "user") FROM auth WHERE sourcetype = 'vpn' AND action = 'success';

-- spl-105
SELECT host FROM hosts WHERE role = 'database' AND datacenter = 'krk1';

-- spl-106
SELECT status_description FROM http_status WHERE status = 503;

-- spl-107
SELECT service, count(*) AS n, 100.0 * n / (SELECT count(*) FROM app) FROM app GROUP BY 1 ORDER BY n DESC LIMIT 3;

-- spl-108
SELECT error_code FROM app WHERE error_code IS NOT NULL GROUP BY 1 ORDER BY count(*) LIMIT 1;

-- spl-109
SELECT _time, uri_path, response_time FROM web WHERE service = 'payments' ORDER BY response_time DESC LIMIT 5;

-- spl-110
SELECT _time, host, message FROM app WHERE service = 'inventory' AND level = 'FATAL';

-- spl-111
SELECT host, count(*) FROM os WHERE sourcetype = 'syslog' AND process = 'kernel' AND severity = 'crit' GROUP BY 1;

-- spl-112
SELECT count(*) FROM deploy WHERE environment = 'staging' AND status = 'started' AND deployed_by = 'naomi.wrobel';

-- spl-113
SELECT service, count(*) FROM web WHERE status >= 500 AND _time >= '2026-03-08 03:00' AND _time < '2026-03-08 06:00' GROUP BY 1;

-- spl-114
SELECT count(*) FROM app WHERE level = 'ERROR' AND _time >= '2026-03-08';

-- spl-115
SELECT slot, count(a._time) FROM generate_series(TIMESTAMP '2026-03-09 17:00', TIMESTAMP '2026-03-09 20:30', INTERVAL 30 MINUTE) AS s(slot) LEFT JOIN auth a ON time_bucket(INTERVAL 30 MINUTE, a._time) = slot AND a.sourcetype = 'linux_secure' AND a.host = 'bastion-1' AND a.action = 'failure' GROUP BY 1;

-- spl-116
SELECT date_trunc('day', _time)::TIMESTAMP, count(*) FILTER (WHERE service = 'checkout'), count(*) FILTER (WHERE service = 'payments') FROM web WHERE service IN ('checkout', 'payments') GROUP BY 1;

-- spl-117
SELECT date_trunc('day', _time)::TIMESTAMP, max(100 - pctIdle) FROM os WHERE sourcetype = 'cpu' AND host = 'reporting-1' GROUP BY 1;

-- spl-118
SELECT datacenter, count(*) FILTER (WHERE role = 'app'), count(*) FILTER (WHERE role = 'bastion'), count(*) FILTER (WHERE role = 'build'), count(*) FILTER (WHERE role = 'cache'), count(*) FILTER (WHERE role = 'database'), count(*) FILTER (WHERE role = 'gateway'), count(*) FILTER (WHERE role = 'queue'), count(*) FILTER (WHERE role = 'vpn') FROM hosts GROUP BY 1;

-- spl-119
SELECT service, arg_max(version, _time) FROM deploy WHERE environment = 'production' AND status = 'succeeded' GROUP BY 1;

-- spl-120
SELECT arg_min(message, _time) FROM app WHERE service = 'payments' AND level = 'ERROR';

-- spl-121
SELECT service, round(100.0 * count(*) FILTER (WHERE response_time > 1000) / count(*), 2) FROM web GROUP BY 1;

-- spl-122
SELECT CASE WHEN response_time < 100 THEN 'fast' WHEN response_time <= 1000 THEN 'normal' ELSE 'slow' END, count(*) FROM web GROUP BY 1;

-- spl-123
SELECT hour(_time), count(*) AS n FROM web WHERE status >= 500 GROUP BY 1 ORDER BY n DESC LIMIT 1;

-- spl-124
SELECT regexp_extract(src_ip, '^(\d+\.\d+\.\d+)\.', 1), count(*) FROM auth WHERE action = 'failure' GROUP BY 1;

-- spl-125
SELECT regexp_extract(uri_path, '/products/(p-\d+)', 1) AS product, count(*) FROM web WHERE status = 200 AND uri_path LIKE '/products/%' GROUP BY 1 HAVING product <> '';

-- spl-126
SELECT s.status_type, count(*) FROM web w JOIN http_status s USING (status) WHERE w.service = 'checkout' GROUP BY 1;

-- spl-127
SELECT host, count(*) FROM os GROUP BY 1;

-- spl-128
SELECT coalesce(reason, 'none'), count(*) FROM auth GROUP BY 1;

-- spl-129
SELECT MountedOn, min(UsePct), avg(UsePct), max(UsePct) FROM os WHERE sourcetype = 'df' AND host = 'db-orders-2' GROUP BY 1;

-- spl-130
SELECT host, round(count(*) FILTER (WHERE action = 'failure') / count(*) FILTER (WHERE action = 'success'), 2) FROM auth WHERE sourcetype = 'linux_secure' GROUP BY 1 HAVING count(*) FILTER (WHERE action = 'success') > 0;

-- spl-131
SELECT service, quantile_disc(response_time, 0.95) AS p95, any_value(slo_latency_ms) FROM web JOIN service_owners USING (service) GROUP BY 1 HAVING p95 > any_value(slo_latency_ms);

-- spl-132
SELECT f."user", f.n, s.n FROM (SELECT "user", count(*) AS n FROM auth WHERE sourcetype = 'linux_secure' AND action = 'failure' GROUP BY 1) f JOIN (SELECT "user", count(*) AS n FROM auth WHERE sourcetype = 'vpn' AND action = 'success' GROUP BY 1) s USING ("user");

-- spl-133
SELECT count(*) FROM web WHERE clientip IN (SELECT clientip FROM web WHERE service = 'payments' AND status = 502);

-- spl-134
SELECT avg(seconds) FROM (SELECT epoch(max(_time)) - epoch(min(_time)) AS seconds FROM deploy WHERE environment = 'production' GROUP BY deployment_id);

-- spl-135
SELECT count(*) FILTER (WHERE pause IS NULL OR pause > INTERVAL 10 MINUTE) FROM (SELECT _time - lag(_time) OVER (PARTITION BY clientip ORDER BY _time) AS pause FROM web WHERE useragent LIKE 'PriceHarvest%' AND _time >= '2026-03-02' AND _time < '2026-03-03');

-- spl-136
SELECT round(max(gap), 2) FROM (SELECT (epoch(_time) - lag(epoch(_time)) OVER (ORDER BY _time)) / 3600 AS gap FROM deploy WHERE environment = 'production' AND action = 'deploy' AND status = 'succeeded');

-- spl-137
SELECT row_number() OVER (ORDER BY _time), _time, service FROM deploy WHERE action = 'rollback' AND status = 'succeeded' ORDER BY _time;

-- spl-138
WITH e AS (SELECT host, count(*) AS n FROM web WHERE status >= 500 GROUP BY 1) SELECT host, n FROM e WHERE n > (SELECT avg(n) FROM e);

-- spl-139
SELECT day, n, n - lag(n) OVER (ORDER BY day) FROM (SELECT date_trunc('day', _time)::TIMESTAMP AS day, count(*) AS n FROM web GROUP BY 1) ORDER BY day;

-- spl-140
SELECT split_part(uri_path, '/', 2) AS part, count(*) FROM web GROUP BY 1 HAVING part <> '';

