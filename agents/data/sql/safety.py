"""What a SQL query may be: one SELECT of node types that only read, on tables, with functions that only compute.

Everything is allowed by list. What is not on it is refused by name, so that a statement or clause that a later sqlglot
learns to parse is refused until someone has judged it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from agents.data.sql.bounds import function_name, too_large, unbounded
from agents.data.sql.parsing import Parsed
from shared.catalog import Catalog
from shared.models import Problem

# Clauses and structure; expressions that compute (exp.Condition: columns, literals, operators, functions) come beside.
_STRUCTURE = """Select Union Except Intersect Subquery CTE With From Join Where Group Having Qualify Order Ordered
    Limit LimitOptions Offset Fetch Distinct Alias Aliases TableAlias Table Identifier Var Values Tuple Star Lateral
    Unnest Window WindowSpec WindowSort Windows Rollup Cube GroupingSets Filter WithinGroup IgnoreNulls RespectNulls
    Interval IntervalSpan DataType DataTypeParam DataTypeInterval ColumnDef Pivot PivotAlias PivotAny UnpivotColumns
    TableSample Lambda Kwarg PropertyEQ JSONKeyValue JSONPath JSONPathRoot JSONPathKey JSONPathSubscript
    JSONPathWildcard JSONPathSlice JSONPathRecursive JSONPathFilter JSONPathScript JSONPathSelector JSONPathUnion
    JSONColumnDef JSONSchema AtTimeZone FromTimeZone Slice Bracket Dot Paren Collate CollateProperty
    PositionalColumn Columns National RawString HexString BitString ByteString UnicodeString Cluster Sort HavingMax
    MatchRecognize MatchRecognizeMeasure Final AggFilter WeekStart GroupConcat Separator Boolean Null Placeholder
    Version Opclass ForIn Comprehension ValuesProperty QueryBand InOutColumnConstraint CharacterSet JSONExtractQuote
    OpenJSONColumnDef TableColumn"""
_ALLOWED = frozenset(_STRUCTURE.split())
_REFUSED_CONDITIONS = frozenset(("Parameter", "SessionParameter", "Placeholder", "QueryBand"))
# SQL Server's table hints that take no lock.
_READING_HINTS = frozenset(("nolock", "readuncommitted", "readpast", "noexpand"))
# Table functions that make rows out of their arguments alone.
_TABLES = """range generate_series exploding_generate_series unnest json_each json_tree
    jsonb_array_elements jsonb_array_elements_text json_array_elements json_array_elements_text jsonb_each
    jsonb_each_text json_each_text regexp_split_to_table string_to_table flatten string_split openjson
    split_to_table explode explode_outer posexplode posexplode_outer generate_date_array generate_timestamp_array
    json_table generate_subscripts jsonb_object_keys json_object_keys"""
# Without underscores, which sqlglot's own names have elsewhere than people's (`j_s_o_n_table`).
_TABLE_FUNCTIONS = frozenset(name.replace("_", "") for name in _TABLES.split())
# Functions that read files, settings or the server's state, sleep, lock, send, or change something. A prefix ends in *.
_REFUSED = """pg_* lo_* dblink* xp_* sp_* sys_* utl_* dbms_* system$* current_setting set_config getenv getvariable
    setseed nextval setval currval lastval last_insert_id last_insert_rowid load_file load_extension readfile
    writefile edit fts3_tokenizer sleep benchmark get_lock release_lock release_all_locks is_free_lock is_used_lock
    master_pos_wait source_pos_wait wait_for_executed_gtid_set openrowset opendatasource openquery openxml
    query_to_xml database_to_xml schema_to_xml table_to_xml cursor_to_xml query_to_xml_and_xmlschema txid_current
    current_query current_database current_schema current_schemas current_catalog session_user current_user user
    version system_user inet_server_addr inet_client_addr has_table_privilege write_log read_csv read_csv_auto
    read_json read_json_auto read_parquet read_text read_blob read_ndjson parquet_scan sniff_csv query_table
    external_query ml.* ai.* session_context has_dbaccess suser_sname host_name app_name db_name object_definition
    connectionproperty serverproperty http_get http_post http_request uuid_send write_file copy_database checkpoint
    force_checkpoint current_role current_version current_account* current_available_roles current_client
    current_ip_address current_organization_* current_region current_role_type current_secondary_roles
    current_session current_statement current_transaction current_user_id current_warehouse in_search_path icu_*
    raise_error result_scan sleep_* get_block_size json_serialize_* json_deserialize_* json_execute_* ai_*
    generate_text generate_embedding generate_table generate_bool generate_int generate_double"""
_NAMES = frozenset(name.replace("_", "") for name in _REFUSED.split() if not name.endswith("*"))
_PREFIXES = tuple(name[:-1] for name in _REFUSED.split() if name.endswith("*"))
_SYSTEM = frozenset(("information_schema", "pg_catalog", "sys", "mysql", "performance_schema", "sqlite_master"))
_SYSTEM_TABLE = re.compile(r"(pg|sqlite|duckdb|pragma|sys|mysql)_\w+", re.IGNORECASE)


def problems_of(parsed: Parsed, catalog: Catalog) -> list[Problem]:
    """Every reason not to run the text; it parsed."""
    if len(parsed.statements) != 1:
        message = f"expected one SELECT, got {len(parsed.statements)} statements"
        return [Problem(code="multiple_statements", message=message)]
    if parsed.select is None:
        kind = type(parsed.statements[0]).__name__.upper()
        return [Problem(code="not_a_select", message=f"expected a SELECT, got {kind}: only reading is allowed")]
    judged = (problem for node in parsed.select.walk() for problem in _judge(node))
    found = [*_hidden_code(parsed.comments), *judged, *unbounded(parsed.select, catalog)]
    return list({problem.message: problem for problem in found}.values())


def forbidden_in(values: exp.Expr | None) -> Problem | None:
    """Why what an INSERT inserts may not be inserted: it is no VALUES list, or its values do more than compute."""
    if not isinstance(values, exp.Values):
        return Problem(code="not_allowed", message="an INSERT of anything but VALUES is not allowed")
    judged = (problem for node in values.walk() for problem in _judge(node))
    large = (problem for function in values.find_all(exp.Func) for problem in too_large(function))
    return next(judged, None) or next(large, None)


def _hidden_code(comments: list[str]) -> Iterator[Problem]:
    """MySQL and MariaDB run what stands in `/*! ... */`."""
    if any(comment.lstrip().startswith(("!", "M!", "+")) for comment in comments):
        yield Problem(code="executable_comment", message="a comment that a database may execute")


def _judge(node: exp.Expr) -> Iterator[Problem]:
    if not _allowed(node):
        yield _problem("not_allowed", f"{type(node).__name__} is not allowed in a query that only reads", node)
    if isinstance(node, exp.Select) and node.args.get("into"):
        yield _problem("writes", "SELECT INTO writes a table", node)
    if isinstance(node, exp.Table):
        yield from _table(node)
    if isinstance(node, exp.Func):
        yield from _function(node)


def _allowed(node: exp.Expr) -> bool:
    name = type(node).__name__
    if isinstance(node, exp.WithTableHint):
        return all(hint.name.lower() in _READING_HINTS for hint in node.expressions)
    return name in _ALLOWED or (isinstance(node, exp.Condition | exp.Predicate) and name not in _REFUSED_CONDITIONS)


def _table(table: exp.Table) -> Iterator[Problem]:
    if isinstance(table.this, exp.Func):
        name = function_name(table.this)
        if name.replace("_", "") not in _TABLE_FUNCTIONS:
            yield _problem("table_function", f"the table function '{name}' may read outside the schema group", table)
        return
    if not isinstance(table.this, exp.Identifier):
        yield _problem("not_allowed", f"'{table.sql()}' is no table of the schema group", table)
        return
    if {table.db.lower(), table.catalog.lower(), table.name.lower()} & _SYSTEM or _SYSTEM_TABLE.fullmatch(table.name):
        yield _problem("system_table", f"'{table.sql()}' describes the server, not the schema group", table)
    if re.search(r"[/\\:*?]|\.(csv|parquet|json|db|duckdb|sqlite|txt|gz)$", table.name, re.IGNORECASE):
        yield _problem("file", f"'{table.name}' reads a file", table)


def _function(function: exp.Expr) -> Iterator[Problem]:
    name = function_name(function)
    if name.replace("_", "") in _NAMES or name.startswith(_PREFIXES):
        yield _problem("function", f"{name}() reads or changes more than the tables of the query", function)


def _problem(code: str, message: str, node: exp.Expr) -> Problem:
    return Problem(code=code, message=message, line=node.meta.get("line"))
