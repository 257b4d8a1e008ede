"""Which functions there are: DuckDB's own list; for another dialect what sqlglot parses for it, and its reference.

In DuckDB's SQL a call is what is written, also where sqlglot would translate it: TO_CHAR is no function of DuckDB.
SQLite is asked itself (sqlite.py). A function that only DuckDB has is unknown in another dialect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import duckdb
from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import Token, TokenType

from agents.data.proof import position
from agents.data.spelling import slips
from shared.models import Problem

# Functions of a dialect that sqlglot has no class for. Source: each product's function reference.
_COMMON = "age cardinality date_part json_array json_object lcm gcd now position string_agg"
_DIALECT = {
    "sqlite": """changes char glob hex iif instr json_array_length json_each json_error_position json_extract
    json_group_array json_group_object json_patch json_quote json_remove json_replace json_set json_tree json_type
    json_valid julianday likelihood likely octet_length printf quote soundex sqlite_version strftime total
    total_changes typeof unicode unixepoch unlikely timediff concat_ws format""",
    "postgres": """age array_dims array_fill array_lower array_ndims array_position array_positions array_prepend
    array_remove array_replace array_upper bit_length bool_and bool_or btrim cardinality cbrt clock_timestamp
    col_description convert_from convert_to cosd cume_dist date_bin date_part decode degrees div encode erf every
    factorial gcd get_bit grouping host initcap inet_merge isfinite jsonb_agg jsonb_array_elements
    jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
    jsonb_extract_path jsonb_extract_path_text jsonb_object_agg jsonb_object_keys jsonb_path_exists jsonb_path_query
    jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_typeof
    json_array_elements json_array_elements_text json_build_array json_build_object json_each json_each_text
    json_object_keys json_populate_record json_to_record json_typeof jsonb_to_record justify_days justify_hours
    justify_interval lcm lower_inf make_date make_interval make_time make_timestamp make_timestamptz masklen
    min_scale mode netmask network num_nonnulls num_nulls numnode octet_length overlay parse_ident percentile_cont
    percentile_disc phraseto_tsquery plainto_tsquery power quote_ident quote_literal quote_nullable range_merge
    regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_split_to_array regexp_split_to_table
    regexp_substr row_to_json scale set_bit setweight sha224 sha256 sha384 sha512 similarity sind
    statement_timestamp string_to_table strpos substr tand timeofday to_ascii to_char to_date to_hex to_json
    to_jsonb to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate trim_array trim_scale
    trunc ts_headline ts_rank unistr unnest upper_inf websearch_to_tsquery width_bucket word_similarity xpath
    array_sample array_shuffle array_to_json bit_and bit_count bit_or bit_xor convert daitch_mokotoff digest
    dmetaphone erfc format_type gamma gen_random_bytes gen_random_uuid generate_subscripts json_array_length
    json_exists json_query json_value levenshtein lgamma metaphone numrange range_agg regexp_match row soundex
    st_area st_asgeojson st_astext st_contains st_distance st_dwithin st_intersects st_length st_makepoint
    st_point st_setsrid st_within st_x st_y timezone to_bin tstzrange unaccent uuid_extract_timestamp
    uuid_extract_version uuidv4 uuidv7 var_pop var_samp""",
    "mysql": """addtime aes_decrypt any_value bin bit_count bit_length char_length character_length compress conv
    convert_tz crc32 date_format elt export_set field find_in_set format from_days from_unixtime greatest hex
    inet6_aton inet6_ntoa inet_aton inet_ntoa insert instr interval is_ipv4 is_ipv6 is_uuid json_arrayagg
    json_contains json_contains_path json_depth json_keys json_length json_merge_patch json_objectagg json_overlaps
    json_pretty json_search json_table json_unquote json_valid last_day locate lpad make_set makedate maketime
    microsecond mid monthname oct octet_length ord period_add period_diff position quarter regexp_instr regexp_like
    regexp_replace regexp_substr sec_to_time soundex space str_to_date strcmp subdate substring_index subtime
    sysdate time_format time_to_sec timediff timestampadd timestampdiff to_base64 to_days to_seconds unhex
    unix_timestamp utc_date utc_time utc_timestamp uuid_to_bin week weekday weekofyear yearweek
    adddate aes_encrypt bin_to_uuid coercibility extractvalue format_bytes from_base64 is_ipv4_compat
    is_ipv4_mapped json_insert json_merge json_merge_preserve json_quote json_replace json_schema_valid
    json_storage_size json_value quote random_bytes st_area st_asgeojson st_astext st_contains st_distance
    st_distance_sphere st_geomfromtext st_intersects st_latitude st_length st_longitude st_within st_x st_y
    statement_digest uncompress uncompressed_length updatexml uuid_short""",
    "tsql": """approx_count_distinct binary_checksum charindex checksum checksum_agg choose concat_ws cos count_big
    dateadd datediff datediff_big datefromparts datename datetime2fromparts datetimefromparts datepart datetrunc day
    difference eomonth format getutcdate grouping_id iif isdate isjson isnull isnumeric json_modify json_object
    json_value len month nchar newid openjson parse parsename patindex quotename replicate rowcount_big
    smalldatetimefromparts soundex space square stdev stdevp str string_escape string_split stuff switchoffset
    sysdatetime sysdatetimeoffset sysutcdatetime timefromparts todatetimeoffset translate try_cast try_convert
    try_parse unicode var varp year
    col_length col_name datetimeoffsetfromparts decompress formatmessage getansinull newsequentialid object_name
    sysutcdatetime type_name""",
    "snowflake": """array_agg array_append array_cat array_compact array_construct array_contains array_insert
    array_intersection array_position array_size array_slice array_to_string arrays_overlap as_array as_date
    as_integer as_object as_varchar bitand bitor boolxor booland booland_agg boolor boolor_agg charindex compress
    conditional_change_event conditional_true_event contains convert_timezone dateadd datediff date_from_parts
    dayname decode div0 div0null editdistance endswith equal_null flatten get get_path haversine hash hash_agg iff
    insert is_array is_integer is_null_value is_object jarowinkler_similarity kurtosis last_day listagg minhash
    monthname next_day nvl nvl2 object_agg object_construct object_delete object_insert object_keys objectagg
    parse_ip parse_json parse_url previous_day ratio_to_report regexp_count regexp_instr regexp_like regexp_substr
    regexp_substr_all regr_valx rlike seq1 seq2 seq4 seq8 skew split_part split_to_table square startswith
    strip_null_value strtok strtok_to_array sysdate time_slice timeadd timediff timestamp_from_parts timestampadd
    timestampdiff to_array to_binary to_boolean to_char to_date to_decimal to_double to_json to_number to_object
    to_time to_timestamp to_timestamp_ltz to_timestamp_ntz to_timestamp_tz to_varchar to_variant try_parse_json
    try_to_boolean try_to_date try_to_decimal try_to_number try_to_timestamp typeof uniform unicode uuid_string
    variance_pop week weekiso weekofyear width_bucket yearofweek zeroifnull nullifzero""",
    "bigquery": """any_value approx_count_distinct approx_quantiles approx_top_count approx_top_sum array_concat
    array_length array_reverse array_to_string byte_length code_points_to_string contains_substr countif
    cosine_distance date_add date_diff date_from_unix_date date_sub date_trunc datetime datetime_add datetime_diff
    datetime_sub datetime_trunc edit_distance ends_with farm_fingerprint format format_date format_datetime
    format_time format_timestamp from_base64 from_hex generate_array generate_date_array generate_timestamp_array
    generate_uuid ieee_divide instr int64 is_inf is_nan json_extract_array json_extract_scalar json_query
    json_query_array json_type json_value json_value_array last_day lax_bool lax_int64 lax_string logical_and
    logical_or net.host net.ip_from_string net.reg_domain normalize offset ordinal parse_date parse_datetime
    parse_json parse_numeric parse_time parse_timestamp range_bucket regexp_contains regexp_extract
    regexp_extract_all regexp_instr regexp_replace safe_add safe_cast safe_divide safe_multiply safe_negate
    safe_offset safe_ordinal safe_subtract session_user soundex split st_distance st_geogpoint starts_with string
    strpos time_add time_diff time_sub time_trunc timestamp_add timestamp_diff timestamp_micros timestamp_millis
    timestamp_seconds timestamp_sub timestamp_trunc to_base64 to_code_points to_hex to_json_string unix_date
    unix_micros unix_millis unix_seconds unnest
    div from_base32 generate_range_array json_array_append json_array_insert json_keys json_remove json_set
    json_strip_nulls parse_bignumeric range_contains range_end range_overlaps range_start regexp_substr st_area
    st_astext st_contains st_dwithin st_geogfromtext st_intersects st_length st_within st_x st_y to_base32""",
}


_COMMONEST = """abs avg cast ceil coalesce concat count date_trunc extract floor greatest lag lead least left length
    lower max min mod now nullif power rank replace right round row_number split_part string_agg substr substring sum
    to_char trim upper"""
_OFTEN = frozenset(_COMMONEST.split())
# Functions of other languages than SQL: none is a slip of the hand for another.
_ELSEWHERE = """ago bin count_distinct countif dcount dcountif endofday getdate getutcdate iff isempty isnotempty
isnotnull isnull make_list make_set mvcount mvindex split startofday strcat strlen take_any
todatetime todouble toint tolong tostring totimespan unix_timestamp"""
# What DuckDB's grammar knows as a call, or as a type, without listing it as a function; and its extensions' functions.
_GRAMMAR = """and array case cast char coalesce collate columns current_date date decimal exists extract grouping
grouping_id host ifnull insert like map nullif or overlay percentile_cont percentile_disc position row st_distance
st_makepoint st_point string struct substring time timestamp trim try try_cast xmlelement"""
_SHORT = 4  # one letter more or less makes many a name of so few letters: only the commonest are meant
_OWN_GRAMMAR = ("cast", "convert", "extract", "overlay", "position", "safe_cast", "substring", "trim", "try_cast")
_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_QUOTED = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)


@lru_cache
def duckdb_functions() -> frozenset[str]:
    """The scalar, aggregate and macro functions of the DuckDB that runs the queries."""
    with duckdb.connect(":memory:") as connection:
        found = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type NOT IN ('table', 'pragma')"
        ).fetchall()
    return frozenset(str(row[0]).lower() for row in found)


@lru_cache
def known_functions(dialect: str) -> frozenset[str]:
    """Every function name that the dialect's SELECT may call, lowercase."""
    if dialect == "duckdb":
        return duckdb_functions()
    parsed = frozenset(name.lower() for name in Dialect.get_or_raise(dialect).parser_class.FUNCTIONS)
    return frozenset(_DIALECT[dialect].split()) | frozenset(_COMMON.split()) | parsed


def misspelt_syntax(query: str) -> Iterator[Problem]:
    """In a text that does not parse: a misspelt function whose arguments have a grammar of their own, `EXTRAT(YEAR FROM
    ts)`, is what keeps it from parsing."""
    for found in _CALL.finditer(_QUOTED.sub(lambda quoted: " " * len(quoted[0]), query)):
        name = found[1].lower()
        near = min(_OWN_GRAMMAR, key=lambda known: (slips(name, known), known))
        if name not in _OWN_GRAMMAR and slips(name, near) <= len(near) // 4:
            line, column = position(query, found.start())
            message = f"unknown function '{name}'"
            yield Problem(code="unknown_function", message=message, line=line, column=column, suggestion=near)


@lru_cache
def _named_elsewhere() -> frozenset[str]:
    return frozenset(_ELSEWHERE.split()).union(*(names.split() for names in _DIALECT.values()))


@lru_cache(maxsize=1024)
def _nearest(name: str, dialect: str) -> str | None:
    """The function that a slip of the hand made this name of; None where two are as near, or another language has it.

    What a function is called says what it does: ISNULL is the opposite of NULLIF, which is as near as can be.
    """
    if name in _named_elsewhere():
        return None
    if shortened := next((one for one in sorted(_OFTEN) if _without_vowels(one) == name), None):
        return shortened
    most = max(1, len(name) // 4)
    known = known_functions(dialect) | {"coalesce", "nullif"}
    alike = [one for one in known if one[:1].isalpha() and abs(len(one) - len(name)) <= most]
    near = [(found, one not in _OFTEN, one) for one in alike if (found := slips(name, one)) <= most]
    ranked = sorted(one for one in near if len(name) > _SHORT or one[2] in _OFTEN)
    is_one = len(ranked) == 1 or (len(ranked) > 1 and ranked[0][:2] != ranked[1][:2])
    return ranked[0][-1] if is_one else None


def _without_vowels(name: str) -> str:
    """`count` is often written `cnt`."""
    return name[:1] + re.sub("[aeiou]", "", name[1:])


@lru_cache
def _translated_only() -> frozenset[str]:
    """Functions that sqlglot reads in DuckDB's SQL and translates, and that DuckDB has not under that name."""
    with duckdb.connect(":memory:") as connection:
        found = connection.execute("SELECT DISTINCT function_name FROM duckdb_functions()").fetchall()
    parsed = {name.lower() for name in Dialect.get_or_raise("duckdb").parser_class.FUNCTIONS}
    return frozenset(parsed - {str(row[0]).lower() for row in found} - set(_GRAMMAR.split()))


def translated_calls(query: str, select: exp.Query) -> list[Token]:
    """The names of calls in DuckDB's SQL that only sqlglot knows. Names of CTEs and aliases are none."""
    named = {one.alias.lower() for one in select.find_all(exp.CTE, exp.Table, exp.Subquery)}
    tokens = Dialect.get_or_raise("duckdb").tokenize(query)
    return [
        token
        for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False)
        if after.token_type == TokenType.L_PAREN
        and token.token_type not in (TokenType.IDENTIFIER, TokenType.STRING)
        and token.text.lower() in _translated_only() - named
        and not (before and before.token_type in (TokenType.DOT, TokenType.DCOLON, TokenType.ALIAS))
    ]


def unknown_functions(select: exp.Query, dialect: str, query: str = "") -> Iterator[Problem]:
    """Calls that the dialect has no function for, with the nearest name. query: the text that the select was read
    from, of which DuckDB's own names are asked for."""
    known = known_functions(dialect)
    for call in select.find_all(exp.Anonymous, exp.AnonymousAggFunc):
        name = str(call.this).lower() if isinstance(call.this, str) else call.name.lower()
        if name in known or isinstance(call.parent, exp.Table):
            continue
        last = call.meta.get("col")
        yield _unknown(name, call.meta.get("line"), last, _nearest(name, dialect))
    for token in translated_calls(query, select) if dialect == "duckdb" and query else ():
        name = token.text.lower()
        yield _unknown(name, token.line, token.col, _nearest(name, dialect))


def _unknown(name: str, line: int | None, last: int | None, near: str | None) -> Problem:
    """last: the column of the name's last character, as sqlglot counts."""
    column = last - len(name) + 1 if last is not None else None
    message = f"unknown function '{name}'"
    return Problem(code="unknown_function", message=message, line=line, column=column, suggestion=near)
