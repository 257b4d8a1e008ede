"""SQL over the shop, one query a line: what a model or a person may write."""

# ruff: noqa: E501 - a query a line

from __future__ import annotations


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines() if line.strip() and not line.strip().startswith("--")]


# Kusto can say these too, and duckdb-kql can run them.
COMMON = """
SELECT * FROM customers
SELECT name, country FROM customers WHERE country = 'PT'
SELECT id FROM orders WHERE status <> 'paid' AND amount >= 15.25
SELECT id FROM customers WHERE age <> 34
SELECT id FROM customers WHERE NOT (age = 34 OR country = 'CA')
SELECT id FROM customers WHERE NOT (age > 20 AND vip)
SELECT id FROM customers WHERE age NOT IN (34, 51)
SELECT id FROM customers WHERE age NOT BETWEEN 30 AND 40
SELECT id FROM customers WHERE vip
SELECT id FROM customers WHERE NOT vip
SELECT id FROM customers WHERE vip IS NOT TRUE
SELECT id FROM customers WHERE age IS NULL OR age < 20
SELECT id FROM customers WHERE age IS NULL OR (age = 34 AND age <> 50)
SELECT id FROM customers WHERE age IS NULL OR (age <> 34 AND age <> 50)
SELECT id FROM customers WHERE age IS NULL OR (age <> 34 AND id <> 1)
SELECT id FROM customers WHERE age IS NULL OR NOT (age = 34 OR age = 50)
SELECT id FROM customers WHERE age IS NULL OR NOT age BETWEEN 30 AND 40
SELECT id FROM customers WHERE age IS NULL OR NOT (age = 34 AND id = 1)
SELECT id FROM customers WHERE age IS NOT NULL
SELECT id FROM customers WHERE age IS DISTINCT FROM 34
SELECT id FROM orders WHERE status IN ('paid', 'open') AND id BETWEEN 11 AND 14
SELECT id FROM orders WHERE lower(status) = 'paid'
SELECT id FROM orders WHERE lower(status) IN ('paid', 'open')
SELECT id FROM customers WHERE name LIKE 'Ana%' OR name LIKE '%Chen' OR name LIKE '%y_o%'
SELECT id FROM customers WHERE name ILIKE '%CHEN%' OR lower(name) LIKE 'dee%'
SELECT id FROM customers WHERE name LIKE '%100\\%' ESCAPE '\\'
SELECT id FROM customers WHERE name NOT ILIKE '%an%' AND name = 'cy_o''neil'
SELECT id FROM customers WHERE name ~ '^[A-C]' AND regexp_matches(name, 'e|u')
SELECT id FROM customers WHERE contains(name, 'o') AND NOT starts_with(name, 'B')
SELECT id FROM customers WHERE strpos(name, 'Chen') > 0
SELECT count(*) FROM orders
SELECT count(*) AS n, count(paid) AS paid, count(DISTINCT customer_id) AS customers FROM orders
SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY n DESC, status
SELECT status, sum(amount) AS total, avg(amount) AS mean, min(placed), max(placed) FROM orders WHERE amount > 0 GROUP BY 1
SELECT count(*) AS n, country FROM customers GROUP BY country HAVING count(*) > 1
SELECT country FROM customers GROUP BY country HAVING max(age) > 40 ORDER BY count(*) DESC LIMIT 1
SELECT date_trunc('day', placed) AS day, count(*) AS n FROM orders GROUP BY day ORDER BY day
SELECT date_trunc('week', placed) AS week, sum(items) AS n FROM orders GROUP BY ALL
SELECT date_trunc('month', placed) AS m, count(*) FROM orders GROUP BY m
SELECT time_bucket(INTERVAL '6 hours', placed) AS t, count(*) AS n FROM orders GROUP BY 1 ORDER BY 1
SELECT CAST(placed AS DATE) AS day, count(*) FILTER (WHERE status = 'paid') AS paid FROM orders GROUP BY day
SELECT EXTRACT(hour FROM placed) AS hour, count(*) AS n FROM orders GROUP BY hour ORDER BY n DESC, hour LIMIT 2
SELECT EXTRACT(dow FROM placed) AS dow, EXTRACT(month FROM placed) AS m, EXTRACT(year FROM placed) AS y FROM orders
SELECT id FROM orders WHERE placed >= now() - INTERVAL 7 DAY
SELECT id FROM orders WHERE placed >= current_date - INTERVAL '1 week' AND placed < current_date
SELECT id FROM orders WHERE placed BETWEEN '2026-03-01' AND '2026-03-08 23:59:59'
SELECT id FROM orders WHERE placed >= '2026-03-09' AND placed < TIMESTAMP '2026-03-15 00:00:00'
SELECT id FROM orders WHERE placed > date_trunc('month', now()) - INTERVAL 1 MONTH AND placed < date_trunc('month', now())
SELECT id FROM orders WHERE paid - placed > INTERVAL 1 HOUR
SELECT id FROM orders WHERE placed BETWEEN current_date - INTERVAL 7 DAY AND current_date
SELECT strftime('%Y-%m-%d', placed) AS day, count(*) AS n FROM orders GROUP BY day
SELECT id, date_diff('hour', placed, paid) AS hours FROM orders WHERE paid IS NOT NULL
SELECT avg(epoch(paid - placed)) AS seconds FROM orders
SELECT strftime(placed, '%Y-%m') AS month, count(*) FROM orders GROUP BY month
SELECT id, CASE WHEN amount > 100 THEN 'big' WHEN amount > 0 THEN 'small' ELSE 'odd' END AS size FROM orders
SELECT id, CASE WHEN amount > 100 THEN 1 WHEN amount > 50 THEN 0.5 ELSE 0 END AS weight FROM orders
SELECT count(CASE WHEN status = 'paid' THEN 1 END) AS paid, sum(CASE WHEN status = 'open' THEN 1 ELSE 0 END) AS open FROM orders
SELECT sum(CASE WHEN status = 'paid' THEN amount ELSE 0 END) AS paid FROM orders
SELECT round(100.0 * count(*) FILTER (WHERE status = 'paid') / count(*), 2) AS share FROM orders
SELECT country, avg(CASE WHEN vip THEN 1.0 ELSE 0.0 END) AS share FROM customers GROUP BY country
SELECT id, amount / items AS each, items / 4 AS quarter, items % 3 AS rest, items // 2 AS half FROM orders WHERE items > 0
SELECT id, abs(amount), round(amount), floor(amount), ceil(amount), sqrt(abs(amount)) FROM orders WHERE amount IS NOT NULL
SELECT upper(name), length(name), substr(name, 1, 3), left(name, 2), replace(name, 'a', '_'), trim(name) FROM customers WHERE name <> ''
SELECT name || ' (' || country || ')' AS label FROM customers WHERE country <> ''
SELECT concat(name, '-', country) FROM customers WHERE id < 3
SELECT split_part(name, ' ', 2) AS last, strpos(name, ' ') AS place FROM customers WHERE name <> ''
SELECT regexp_extract(name, '([a-z]+) ', 1) AS part FROM customers WHERE id = 1
SELECT coalesce(amount, 0) AS amount, greatest(id, 13) AS g, least(id, 13) AS l FROM orders
SELECT DISTINCT country FROM customers
SELECT DISTINCT customer_id, status FROM orders ORDER BY customer_id, status
SELECT id, amount FROM orders ORDER BY amount DESC LIMIT 3
SELECT id, amount FROM orders ORDER BY amount LIMIT 3
SELECT id FROM orders ORDER BY amount DESC NULLS FIRST, id LIMIT 2
SELECT name FROM customers ORDER BY age, id LIMIT 3
SELECT o.id, c.name FROM orders o JOIN customers c ON o.customer_id = c.id
SELECT c.name, o.id, e.name AS event FROM customers c JOIN orders o ON o.customer_id = c.id JOIN events e ON e.order_id = o.id
SELECT c.name, count(o.id) AS n, coalesce(sum(o.amount), 0) AS total FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.name
SELECT c.id FROM customers c LEFT JOIN orders o ON c.id = o.customer_id WHERE o.id IS NULL
SELECT c.name FROM customers c LEFT JOIN orders o ON c.id = o.customer_id AND o.status = 'paid' WHERE o.customer_id IS NULL
SELECT c.country, sum(o.amount) AS total FROM customers c, orders o WHERE c.id = o.customer_id AND o.status = 'paid' GROUP BY c.country
SELECT a.id, b.id AS other FROM customers a JOIN customers b ON a.country = b.country AND a.id < b.id
SELECT o.id FROM orders o JOIN events e ON e.order_id = o.id AND e.at >= o.placed AND e.name <> 'created'
SELECT o.id, e.name FROM orders o RIGHT JOIN events e ON e.order_id = o.id
SELECT c.name, sum(o.amount) AS total FROM customers c JOIN orders o ON c.id = o.customer_id GROUP BY c.name ORDER BY total DESC LIMIT 2
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'paid')
SELECT id FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) AND age > 10
SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE amount > 50)
SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders WHERE customer_id IS NOT NULL)
SELECT id FROM orders WHERE amount > (SELECT avg(amount) FROM orders)
SELECT id, amount - (SELECT min(amount) FROM orders) AS above FROM orders
SELECT c.name, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS n FROM customers c
SELECT c.name, (SELECT max(o.placed) FROM orders o WHERE o.customer_id = c.id AND o.status = 'paid') AS last FROM customers c
WITH paid AS (SELECT * FROM orders WHERE status = 'paid') SELECT customer_id, count(*) AS n FROM paid GROUP BY customer_id
WITH t AS (SELECT customer_id, sum(amount) AS total FROM orders GROUP BY customer_id) SELECT c.name, t.total FROM t JOIN customers c ON c.id = t.customer_id WHERE t.total > 50 ORDER BY t.total DESC
WITH t(c, n) AS (SELECT customer_id, count(*) FROM orders GROUP BY 1) SELECT max(n) FROM t
SELECT avg(n) FROM (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) AS counts
SELECT day, n FROM (SELECT CAST(placed AS DATE) AS day, count(*) AS n FROM orders GROUP BY day) d WHERE n > 1
SELECT id FROM (SELECT id, amount * 2 AS double FROM orders) WHERE double > 100
SELECT count(*) FROM (SELECT id FROM orders ORDER BY placed DESC LIMIT 3) t
SELECT id FROM (SELECT * FROM orders ORDER BY placed LIMIT 4) t WHERE status = 'paid'
SELECT name FROM customers UNION ALL SELECT name FROM events
SELECT name AS label, id FROM customers WHERE id < 3 UNION ALL SELECT status, id FROM orders WHERE id > 14
SELECT country FROM customers UNION SELECT status FROM orders
SELECT id FROM customers UNION ALL SELECT order_id FROM events ORDER BY id DESC LIMIT 3
SELECT id, details->>'$.coupon' AS coupon FROM orders WHERE details IS NOT NULL
SELECT id FROM orders WHERE details->>'$.coupon' = 'SPRING'
SELECT id FROM orders WHERE json_extract_string(details, '$.lines[0].sku') = 'x1'
SELECT id FROM orders WHERE CAST(details->>'$.lines[0].qty' AS INTEGER) > 2
SELECT id FROM orders WHERE details->>'$."gift wrap".colour' = 'red'
SELECT details->>'$.coupon' AS coupon, count(*) AS n FROM orders WHERE details->>'$.coupon' <> 'x' GROUP BY coupon
SELECT customer_id, arg_max(status, placed) AS state, max(placed) AS at FROM orders WHERE customer_id IS NOT NULL GROUP BY customer_id
SELECT max_by(id, amount) AS id FROM orders
SELECT id, customer_id FROM orders WHERE customer_id IS NOT NULL QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC) = 1
SELECT DISTINCT ON (customer_id) customer_id, id FROM orders WHERE customer_id IS NOT NULL ORDER BY customer_id, placed
SELECT id FROM (SELECT id, row_number() OVER (ORDER BY placed DESC) AS n FROM orders) t WHERE n <= 2
SELECT 1 AS a, 'x' AS b
SELECT * EXCLUDE (details, paid) FROM orders
SELECT *, amount * 2 AS double FROM orders WHERE items > 1
SELECT id AS order_no, status AS "the status" FROM orders
SELECT customer_id, stddev(amount) AS spread FROM orders GROUP BY customer_id HAVING count(*) > 1
SELECT list(DISTINCT status) AS statuses FROM orders WHERE status <> ''
SELECT bool_or(vip) AS any_vip FROM customers
SELECT quantile_disc(amount, 0.5) AS half, quantile(items, 0.95) AS most FROM orders
SELECT status, quantile_disc(placed, 0.25) AS early FROM orders GROUP BY status
"""

# What Kusto can't say or only the SQL round trip is run for.
SQL_ONLY = """
SELECT * FROM orders o JOIN events e ON e.order_id = o.id
SELECT o.*, c.name FROM orders o JOIN customers c ON o.customer_id = c.id
SELECT * FROM customers c FULL JOIN orders o ON c.id = o.customer_id
SELECT * FROM customers CROSS JOIN (SELECT count(*) AS n FROM orders) t
SELECT name FROM customers JOIN events USING (name)
SELECT e.name, o.name FROM events e LEFT JOIN customers o USING (name)
SELECT id, list_contains(CAST(details->'$.tags' AS VARCHAR[]), 'b') AS b FROM orders WHERE (details->'$.tags') IS NOT NULL
SELECT o.id, u.tag FROM orders o, unnest(CAST(o.details->'$.tags' AS JSON[])) AS u(tag)
SELECT id, unnest(CAST(details->'$.tags' AS JSON[])) AS tag FROM orders
SELECT quantile_cont(amount, 0.9) AS p90, median(amount) AS mid FROM orders
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) FROM orders
SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY placed) FROM orders WHERE id > 11
SELECT string_agg(status, ', ') AS s FROM orders WHERE id < 12
SELECT customer_id, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place FROM orders GROUP BY customer_id
SELECT id, ntile(2) OVER (ORDER BY id) AS half, percent_rank() OVER (ORDER BY id) AS p FROM orders
SELECT id, avg(amount) OVER (ORDER BY placed ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS moving FROM orders
SELECT id, first_value(id) OVER w AS first, last_value(id) OVER w AS last FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY placed)
SELECT id, sum(amount) OVER (PARTITION BY customer_id ORDER BY status) AS running FROM orders
SELECT id, (SELECT c.name FROM customers c WHERE c.id = o.customer_id) AS who FROM orders o
SELECT id FROM customers c WHERE (id, country) IN (SELECT customer_id, 'PT' FROM orders)
SELECT id FROM orders ORDER BY placed LIMIT 2 OFFSET 3
SELECT monthname(placed) AS month, dayname(placed) AS day FROM orders
SELECT id, least(amount, 100) AS capped, log(abs(amount)), ln(abs(amount)), pow(items, 2), sign(amount) FROM orders WHERE amount <> 0
SELECT last, count(*) FROM (SELECT split_part(name, ' ', -1) AS last FROM customers) t GROUP BY last
SELECT c.vip, d.n FROM customers c JOIN (SELECT customer_id, count(*) AS n FROM orders GROUP BY customer_id) d ON d.customer_id = c.id
SELECT date_part('epoch', placed) AS s, quarter(placed) AS q, week(placed) AS w, dayofyear(placed) AS d FROM orders
SELECT strptime('2026-03-01', '%Y-%m-%d') AS t, DATE '2026-03-05' - DATE '2026-03-01' AS days, DATE '2026-03-05' + 2 AS d
SELECT v.a, v.b FROM (VALUES (1, 'x'), (2, NULL)) AS v(a, b) WHERE v.a > 0
SELECT status, sum(amount) AS total, sum(sum(amount)) OVER () AS everything FROM orders GROUP BY status
SELECT id, amount FROM orders o WHERE amount = (SELECT max(amount) FROM orders i WHERE i.customer_id = o.customer_id)
SELECT * REPLACE (upper(name) AS name) FROM customers
SELECT count(*) FROM customers HAVING count(*) > 2
SELECT CAST(amount AS INTEGER) AS whole, CAST(amount AS DECIMAL(10, 1)) AS tenth, CAST(items AS VARCHAR) AS text FROM orders
SELECT CAST(id AS VARCHAR) || '!' AS mark FROM orders WHERE CAST(substr(status, 1, 1) AS VARCHAR) = 'p'
SELECT a.name, b.n FROM customers a LEFT JOIN (SELECT country, count(*) AS n FROM customers GROUP BY country) b ON a.country = b.country
SELECT lower(status) AS status, count(*) FROM orders GROUP BY lower(status)
SELECT date_trunc('day', placed) AS placed, count(*) AS n FROM orders GROUP BY date_trunc('day', placed)
"""

# Windows over sorted rows: Kusto says them, duckdb-kql can't run them.
WINDOWS = """
SELECT id, customer_id, row_number() OVER (PARTITION BY customer_id ORDER BY placed) AS n FROM orders WHERE customer_id > 0
SELECT id, amount - lag(amount) OVER (ORDER BY placed) AS change FROM orders
SELECT id, lag(id, 1, 0) OVER (PARTITION BY customer_id ORDER BY placed) AS before, lead(id) OVER (PARTITION BY customer_id ORDER BY placed) AS after FROM orders WHERE customer_id > 0
SELECT id, sum(amount) OVER (ORDER BY placed ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS total FROM orders WHERE amount > 0
WITH d AS (SELECT CAST(placed AS DATE) AS day, count(*) AS n FROM orders GROUP BY 1) SELECT day, sum(n) OVER (ORDER BY day) AS total FROM d
SELECT id, customer_id FROM orders WHERE customer_id > 0 QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY amount DESC, id) <= 2
SELECT id, 100.0 * amount / sum(amount) OVER () AS share FROM orders
SELECT id, amount - avg(amount) OVER (PARTITION BY status) AS above FROM orders WHERE status <> ''
SELECT id FROM orders ORDER BY placed LIMIT 2 OFFSET 3
"""
