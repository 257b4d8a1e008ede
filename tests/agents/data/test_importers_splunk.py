"""Splunk's own files as a catalog: field summaries, conf files, lookups and data models, several together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.data.importers.read import Read
from agents.data.importers.reading import Asked, read_path
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.spl import Spl
from shared.catalog import Catalog
from shared.errors import InvalidInput

PROPS = r"""
[default]
EVAL-env = "prod"

[cisco:asa]
EXTRACT-addresses = from (?<src>\S+) to (?P<dest>\S+)
REPORT-all = asa_pairs, asa_list
FIELDALIAS-user = username AS user "Device Name" ASNEW dvc
EVAL-'vendor_product' = "Cisco " . \
    "ASA"
LOOKUP-hosts = hosts ip AS src OUTPUTNEW owner AS src_owner, site
LOOKUP-users = users user
SHOULD_LINEMERGE = false

[source::/var/log/x]
EVAL-only_here = 1
"""
TRANSFORMS = r"""
[asa_pairs]
REGEX = (\w+)=(\w+) (?<rule>\d+)
FORMAT = action::$1 "bytes"::$2
[asa_list]
DELIMS = ","
FIELDS = "first","second field"
[hosts]
filename = hosts.csv
[users]
external_type = kvstore
collection = users
fields_list = _key, user, department
[indexed]
REGEX = x
"""
MACROS = "[blocked(1)]\nargs = who\ndefinition = action=blocked user=$who$\n"
SUMMARY = [
    {"field": "sourcetype", "count": "9", "distinct_count": "1", "values": '[{"value":"cisco:asa","count":9}]'},
    {"field": "bytes", "count": "9", "distinct_count": "9", "numeric_count": "9", "is_exact": "1", "values": "[]"},
    {
        "field": "action",
        "count": "9",
        "distinct_count": "2",
        "numeric_count": "0",
        "values": '[{"value":"blocked","count":5},{"value":"allowed","count":4}]',
    },
]
OTHER = [{"field": "sourcetype", "count": 1, "distinct_count": 1, "values": '[{"value":"web","count":1}]'}]
WEB = {
    "modelName": "Web",
    "displayName": "Web",
    "objects": [
        {
            "objectName": "Web",
            "parentName": "BaseEvent",
            "comment": "Requests to web servers",
            "fields": [
                {"fieldName": "_time", "owner": "BaseEvent", "type": "timestamp"},
                {
                    "fieldName": "status",
                    "owner": "Web",
                    "type": "string",
                    "comment": '{"description": "HTTP status", "expected_values": ["200", "404"]}',
                },
                {"fieldName": "bytes", "owner": "Web", "type": "number", "comment": {"description": "sent"}},
                {"fieldName": "Web", "owner": "Web", "type": "objectCount"},
            ],
            "calculations": [{"calculationType": "Eval", "outputFields": [{"fieldName": "url", "type": "string"}]}],
        },
        {
            "objectName": "Proxy",
            "parentName": "Web",
            "lineage": "Web.Proxy",
            "fields": [{"fieldName": "cached", "owner": "Web.Proxy", "type": "boolean", "displayName": "From cache"}],
        },
    ],
}


def write(folder: Path, **files: Any) -> Path:
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        path = folder / f"{stem}.{suffix}"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def read(path: Path, *, sample_values: bool = False) -> Read:
    scratch = path if path.is_dir() else path.parent
    (scratch / ".scratch").mkdir(exist_ok=True)
    return read_path(path, Asked("splunk", None, scratch / ".scratch", sample_values))


def fields(catalog: Catalog, table: str) -> dict[str, str]:
    return {column.name: column.type for column in catalog.by_name[table].columns}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("firewall.json", json.dumps({"preview": False, "results": SUMMARY})),
        ("firewall.json", json.dumps(SUMMARY)),
        ("firewall.json", "\n".join(json.dumps({"preview": False, "result": row}) for row in SUMMARY)),
        ("firewall.jsonl", "\n".join(json.dumps(row) for row in SUMMARY)),
        (
            "firewall.csv",
            "field,count,distinct_count,is_exact,numeric_count,values\n"
            'sourcetype,9,1,1,0,"[{""value"":""cisco:asa"",""count"":9}]"\nbytes,9,9,1,9,[]\n'
            'action,9,2,1,0,"[{""value"":""blocked"",""count"":5},{""value"":""allowed"",""count"":4}]"\n',
        ),
    ],
)
def test_a_field_summary_is_an_index_with_its_fields(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    catalog = read(tmp_path / name).catalog
    (table,) = catalog.tables
    assert (catalog.platform, table.name, table.kind) == ("spl", "firewall", "index")
    assert fields(catalog, "firewall") == {
        **{"_time": "time", "_raw": "string", "host": "string", "source": "string", "sourcetype": "string"},
        **{"bytes": "number", "action": "string"},
    }
    assert table.by_name["sourcetype"].values == ["cisco:asa"]
    assert table.by_name["action"].values == []
    sampled = read(tmp_path / name, sample_values=True).catalog.tables[0]
    assert sampled.by_name["action"].values == ["blocked", "allowed"]


def test_a_sourcetype_s_fields_go_to_the_indexes_that_have_it(tmp_path: Path) -> None:
    write(tmp_path, props_conf=PROPS, transforms_conf=TRANSFORMS, firewall_json=SUMMARY, web_json=OTHER)
    found = read(tmp_path)
    assert set(fields(found.catalog, "firewall")) >= {
        *("src", "dest", "action", "bytes", "rule", "first", "second field", "user", "dvc", "vendor_product"),
        *("src_owner", "site", "department", "env"),
    }
    assert set(fields(found.catalog, "web")) == {"_time", "_raw", "host", "source", "sourcetype", "env"}
    assert found.notes == [
        "fields of props.conf that no one index has are left out: [source::/var/log/x]",
    ]


def test_without_a_summary_the_fields_are_of_main_and_the_import_says_so(tmp_path: Path) -> None:
    found = read(write(tmp_path, props_conf=PROPS) / "props.conf")
    assert {"src", "only_here"} <= set(fields(found.catalog, "main"))
    assert found.notes == ["no fieldsummary names an index: the fields of props.conf are taken to be of 'main'"]


def test_an_app_s_folder_is_one_group_whose_searches_are_proven(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "default" / "data").mkdir(parents=True)
    (tmp_path / "lookups").mkdir()
    write(tmp_path / "default", props_conf=PROPS, transforms_conf=TRANSFORMS, macros_conf=MACROS)
    write(tmp_path / "default" / "data", Web_json=WEB)
    write(tmp_path / "lookups", hosts_csv="ip,owner,site\n10.0.0.1,ops,NYC\n")
    write(tmp_path, firewall_json=SUMMARY)
    catalog = read(tmp_path).catalog
    assert {table.name: table.kind for table in catalog.tables} == {
        **{"firewall": "index", "hosts": "lookup", "users": "lookup", "Web.Web": "datamodel", "Web.Proxy": "datamodel"}
    }
    assert catalog.by_name["hosts"].rows == "hosts.csv.parquet"
    for search in (
        'index=firewall sourcetype=cisco:asa `blocked("ana")` | stats sum(bytes) by src_owner dest',
        "index=firewall | lookup hosts ip AS src OUTPUT site | top site",
        "| inputlookup users | table user department",
        "| tstats count from datamodel=Web.Web where Web.status=404 by Web.url _time span=1h",
        "| tstats count from datamodel=Web.Proxy where nodename=Web.Proxy by Web.url Web.Proxy.cached",
    ):
        proof = prove(Spl(), search, catalog, sandbox)
        assert (search, proof.problems) == (search, [])
    wrong = prove(Spl(), "| tstats count from datamodel=Web.Web by Web.urll", catalog, sandbox)
    assert wrong.problems[0].suggestion == "Web.url"


def test_a_data_model_s_datasets_inherit_fields(tmp_path: Path) -> None:
    catalog = read(write(tmp_path, Web_json=WEB) / "Web.json").catalog
    base = {"_time": "time", "host": "string", "source": "string", "sourcetype": "string"}
    assert fields(catalog, "Web.Web") == {**base, "status": "string", "bytes": "number", "url": "string"}
    assert fields(catalog, "Web.Proxy") == {
        **base,
        **{"Web.status": "string", "Web.bytes": "number", "Web.url": "string", "Web.Proxy.cached": "bool"},
    }
    status = catalog.by_name["Web.Web"].by_name["status"]
    assert (status.description, status.values) == ("HTTP status", ["200", "404"])
    assert catalog.by_name["Web.Proxy"].by_name["Web.Proxy.cached"].description == "From cache"
    assert catalog.by_name["Web.Web"].description == "Requests to web servers"


def test_data_models_are_read_from_an_answer_of_the_rest_api(tmp_path: Path) -> None:
    answer = {"entry": [{"name": "Web", "content": {"eai:data": json.dumps(WEB)}}, {"content": {"eai:data": "{"}}]}
    assert len(read(write(tmp_path, models_json=answer) / "models.json").catalog.tables) == 2


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"props_conf": "EVAL-x = 1"}, r"props\.conf: not a conf file: File contains no section headers"),
        ({"props_conf": "[x]\nTRUNCATE = 0\n"}, "names no index, lookup or data model"),
        ({"props_conf": PROPS, "kusto_json": {"Databases": {"A": {}}}}, r"props\.conf, which is none"),
    ],
)
def test_what_is_no_splunk_s_is_refused(files: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(write(tmp_path, **files))
