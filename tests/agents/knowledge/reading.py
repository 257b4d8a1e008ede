"""Runbooks as text, read as an import reads them."""

from __future__ import annotations

from agents.knowledge.documents import read_document
from agents.knowledge.ingest.chunks import chunks_of
from agents.knowledge.store.passages import Passage
from shared.catalog import Catalog


def passages(text: str, name: str = "shipping.md", labels: tuple[str, ...] = ()) -> list[Passage]:
    """As KnowledgeStore gives them."""
    return passages_of(name, text.encode(), labels)


def passages_of(name: str, content: bytes, labels: tuple[str, ...] = ()) -> list[Passage]:
    document = read_document(name, content)
    return [
        Passage(
            f"{name}-{number}",
            f"/books/{name}",
            name,
            document.title,
            chunk.path,
            chunk.kind,
            chunk.text,
            language=chunk.language,
            step=chunk.step,
            lead=chunk.lead,
            labels=labels,
        )
        for number, chunk in enumerate(chunks_of(document))
    ]


def shop(**changes: object) -> Catalog:
    """A small warehouse."""
    catalog = {
        "schema_group": "shop",
        "platform": "sql",
        "tables": [
            {
                "name": "orders",
                "description": "Orders of customers",
                "columns": [
                    {"name": "order_id", "type": "BIGINT"},
                    {"name": "status", "type": "VARCHAR", "values": ["open", "paid", "sent"]},
                    {"name": "amount", "type": "DECIMAL(10,2)"},
                    {"name": "is_test", "type": "BOOLEAN"},
                    {"name": "placed_at", "type": "TIMESTAMP"},
                    {"name": "delivered_at", "type": "TIMESTAMP"},
                    {"name": "service", "type": "VARCHAR", "values": ["payments", "search", "cart"]},
                ],
            },
            {
                "name": "refunds",
                "description": "Money given back",
                "columns": [{"name": "order_id", "type": "BIGINT"}, {"name": "paid_at", "type": "TIMESTAMP"}],
            },
        ],
        "relationships": [{"from": "refunds.order_id", "to": "orders.order_id"}],
    }
    return Catalog.model_validate(catalog | changes)


LOGS = Catalog.model_validate(
    {
        "schema_group": "logs",
        "platform": "kql",
        "tables": [
            {
                "name": "SigninLogs",
                "description": "Sign-ins",
                "columns": [
                    {"name": "TimeGenerated", "type": "datetime"},
                    {"name": "ResultType", "type": "string", "values": ["0", "50126"]},
                    {"name": "UserPrincipalName", "type": "string"},
                ],
            }
        ],
    }
)
