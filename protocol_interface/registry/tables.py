"""The registry's tables. Moments that are compared in SQL are seconds since 1970, in UTC."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

from shared.ledger.tables import UtcDateTime

schema = MetaData()
agents = Table(
    "a2a_agents",
    schema,
    Column("id", String(64), primary_key=True),
    Column("url", String(2048), nullable=False),
    Column("card", JSON, nullable=False),
    Column("words", Text, nullable=False),
    Column("trusted", Boolean, nullable=False),
    Column("registered_at", UtcDateTime, nullable=False),
    Column("source", String(16), nullable=False, server_default="url"),
    Column("signature", String(16), nullable=False, server_default="none"),
    Column("signer", String(256)),
    Column("digest", String(64), nullable=False, server_default=""),
)
# Where an agent is served: a row a URL. card: the one that is there, with the interfaces to call; the agent's is the
# newest of them.
replicas = Table(
    "a2a_replicas",
    schema,
    Column("agent_id", String(64), ForeignKey(agents.c.id, ondelete="CASCADE"), primary_key=True),
    Column("url", String(2048), primary_key=True),
    Column("card", JSON, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("etag", Text),
    Column("healthy", Boolean),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("problem", Text),
    Column("latency", Float),
    Column("last_seen", Float),
    Column("lease_until", Float),
)
Index("a2a_replicas_by_lease", replicas.c.lease_until)
versions = Table(
    "a2a_versions",
    schema,
    Column("agent_id", String(64), ForeignKey(agents.c.id, ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("version", Text, nullable=False),
    Column("card", JSON, nullable=False),
    Column("seen_at", Float, nullable=False),
)
# One row, whose number grows with every change: it is written first in a transaction, so that changes get their numbers
# in the order in which they become visible.
counter = Table(
    "a2a_registry",
    schema,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)
# The number of each agent's last change. The row of a removed agent stays, and says so to who reads what is new.
changes = Table(
    "a2a_changes",
    schema,
    Column("agent_id", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False),
)
Index("a2a_changes_by_version", changes.c.version)
