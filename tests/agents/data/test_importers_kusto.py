"""Kusto databases and Log Analytics workspaces as catalogs, in the shapes in which their services answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agents.data.importers.read import Read
from agents.data.importers.reading import Asked, read_path
from agents.data.kql import Kql
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.errors import InvalidInput

DATABASE = {
    "Name": "Telemetry",
    "Tables": {
        "Events": {
            "Name": "Events",
            "Folder": "raw",
            "DocString": "One row for each event",
            "OrderedColumns": [
                {"Name": "Timestamp", "Type": "System.DateTime", "CslType": "datetime", "DocString": "when"},
                {"Name": "DeviceId", "Type": "System.String", "CslType": "string"},
                {"Name": "Bytes", "Type": "System.Int64"},
                {"Name": "Cost", "Type": "System.Data.SqlTypes.SqlDecimal"},
                {"Name": "Body", "Type": "System.Object", "CslType": "dynamic"},
            ],
        },
        "Empty": {"Name": "Empty", "OrderedColumns": []},
    },
    "ExternalTables": {"Archive": {"Name": "Archive", "OrderedColumns": [{"Name": "x", "CslType": "string"}]}},
    "MaterializedViews": {
        "Latest": {"Name": "Latest", "OrderedColumns": [{"Name": "DeviceId", "CslType": "string"}], "Query": "..."}
    },
    "Functions": {
        "Noisy": {
            "Name": "Noisy",
            "InputParameters": [
                {
                    "Name": "T",
                    "Columns": [{"Name": "Bytes", "CslType": "long"}, {"Name": "DeviceId", "CslType": "string"}],
                },
                {"Name": "least", "CslType": "long", "CslDefaultValue": "100"},
                {"Name": "device", "CslType": "string", "CslDefaultValue": "a"},
            ],
            "Body": "{ T | where Bytes > least and DeviceId == device }",
            "DocString": "Events of many bytes",
        },
        "Lost": {"Name": "Lost", "InputParameters": [], "Body": "{ Gone | count }"},
        "Odd name": {"Name": "Odd name", "InputParameters": [], "Body": "{ 1 }"},
    },
}
SCHEMA = {"Plugins": [], "Databases": {"Telemetry": DATABASE}}
V1 = {
    "Tables": [{"TableName": "Table_0", "Columns": [{"ColumnName": "DatabaseSchema"}], "Rows": [[json.dumps(SCHEMA)]]}]
}
V2 = [
    {"FrameType": "DataSetHeader"},
    {"FrameType": "DataTable", "TableKind": "PrimaryResult", "Columns": [{"ColumnName": "DatabaseSchema"}]}
    | {"Rows": [[json.dumps(SCHEMA)]]},
]
STANDARD = [{"name": "TenantId", "type": "guid"}, {"name": "TimeGenerated", "type": "dateTime", "description": "when"}]
TABLES = {
    "value": [
        {
            "id": "/subscriptions/s/resourcegroups/r/workspaces/w/tables/SigninLogs",
            "name": "SigninLogs",
            "properties": {
                "totalRetentionInDays": 90,
                "schema": {
                    "name": "SigninLogs",
                    "description": "Sign-ins to Entra ID",
                    "columns": [
                        {"name": "UserPrincipalName", "type": "string", "description": "who"},
                        {"name": "Success", "type": "boolean"},
                        {"name": "timegenerated", "type": "dateTime"},
                    ],
                    "standardColumns": STANDARD,
                },
            },
        },
        {"name": "Custom_CL", "properties": {"schema": {"name": "Custom_CL", "columns": [], "standardColumns": []}}},
    ],
    "nextLink": "https://management.azure.com/next",
}
METADATA = {
    "workspaces": [{"id": "0", "resourceId": "/r", "name": "soc-east"}],
    "tables": [
        {
            "id": "t/Heartbeat",
            "name": "Heartbeat",
            "description": "Agents that are alive",
            "timespanColumn": "TimeGenerated",
            "columns": [{"name": "TimeGenerated", "type": "datetime"}, {"name": "Computer", "type": "string"}],
        }
    ],
    "functions": [
        {
            "id": "f/silent",
            "name": "Silent",
            "displayName": "Silent computers",
            "parameters": "T:(TimeGenerated: datetime, Computer: string), t:datetime = datetime(null), s:string='a, b'",
            "body": "T | summarize Last = max(TimeGenerated) by Computer | where Last > t",
        }
    ],
}


def read(folder: Path, content: Any, group: str | None = None, name: str = "schema.json") -> Read:
    path = folder / name
    path.write_text(json.dumps(content))
    return read_path(path, Asked(group, None, folder))


@pytest.mark.parametrize("content", [SCHEMA, V1, V2, [json.dumps(SCHEMA)], {"DatabaseSchema": json.dumps(SCHEMA)}])
def test_a_kusto_schema_is_found_in_whatever_holds_it(content: Any, tmp_path: Path) -> None:
    found = read(tmp_path, content)
    assert (found.catalog.schema_group, found.catalog.platform) == ("Telemetry", "kql")
    events, latest = found.catalog.tables
    assert (events.description, latest.name) == ("One row for each event", "Latest")
    assert [column.type for column in events.columns] == ["datetime", "string", "long", "decimal", "dynamic"]
    assert found.notes == [
        "external tables are left out: Archive",
        "tables without columns are left out: Empty",
        "functions are left out: Odd name",
    ]


def test_its_functions_can_be_called(tmp_path: Path, kql: Kql, sandbox: Sandbox) -> None:
    catalog = read(tmp_path, SCHEMA).catalog
    noisy = catalog.functions[0]
    assert [(one.type, one.default) for one in noisy.parameters] == [
        ("(Bytes: long, DeviceId: string)", None),
        ("long", "100"),
        ("string", '"a"'),
    ]
    assert prove(kql, "Events | invoke Noisy(least = 5) | project Bytes", catalog, sandbox).verdict == "proven"
    assert [note.partition(":")[0] for note in kql.declaration_notes(catalog)] == [
        "queries that call 'Lost' will be refused"
    ]


def test_of_several_databases_one_is_named(tmp_path: Path) -> None:
    several = {"Databases": {"A": DATABASE, "B": {"Name": "B", "Tables": DATABASE["Tables"]}}}
    assert read(tmp_path, several, "b").catalog.functions == []
    with pytest.raises(InvalidInput, match="holds 2 databases, and a schema group is one: A, B; name it with --group"):
        read(tmp_path, several, "other")


def test_tables_of_log_analytics_have_the_columns_that_all_have(tmp_path: Path) -> None:
    found = read(tmp_path, TABLES, "sentinel")
    (table,) = found.catalog.tables
    assert (table.name, table.description) == ("SigninLogs", "Sign-ins to Entra ID")
    assert {column.name: column.type for column in table.columns} == {
        "UserPrincipalName": "string",
        "Success": "bool",
        "timegenerated": "datetime",
        "TenantId": "guid",
    }
    assert found.notes == [
        "tables without columns are left out: Custom_CL",
        "the list of tables goes on at its nextLink, which is not read",
    ]
    with pytest.raises(InvalidInput, match="names no schema group; say which with --group"):
        read(tmp_path, TABLES)


def test_metadata_of_log_analytics_has_functions_and_the_workspace_s_name(
    tmp_path: Path, kql: Kql, sandbox: Sandbox
) -> None:
    catalog = read(tmp_path, METADATA).catalog
    assert catalog.schema_group == "soc-east"
    assert [(one.name, one.type, one.default) for one in catalog.functions[0].parameters] == [
        ("T", "(TimeGenerated: datetime, Computer: string)", None),
        ("t", "datetime", "datetime(null)"),
        ("s", "string", "'a, b'"),
    ]
    assert prove(kql, "Heartbeat | invoke Silent() | project Computer", catalog, sandbox).verdict == "proven"


def test_a_folder_of_kusto_s_files_is_one_group(tmp_path: Path) -> None:
    read(tmp_path, TABLES, "sentinel", "tables.json")
    read(tmp_path, METADATA, "sentinel", "metadata.json")
    found = read_path(tmp_path, Asked("sentinel", None, tmp_path))
    assert {table.name for table in found.catalog.tables} == {"SigninLogs", "Heartbeat"}
    assert [function.name for function in found.catalog.functions] == ["Silent"]
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InvalidInput, match=r"holds the schema of a Kusto database and rows\.csv, which is none"):
        read_path(tmp_path, Asked("sentinel", None, tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"Databases": {"A": {"Tables": {}}}}, "the database 'A' has no table"),
        ({"Databases": {}}, "holds 0 databases, and a schema group is one: none"),
        ({"kind": "Deployment"}, "is JSON of no kind that is known; known: a catalog .*, Kusto's `.show database"),
        ([1, 2], "is JSON of no kind that is known"),
        ({"platform": "kql"}, "schema_group: Field required"),
    ],
)
def test_json_of_other_kinds_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(tmp_path, content, "g")
