"""Every setting, its environment variable and its default. Nothing else reads the environment,
but for the variables that a connection names (docs/connectors.md)."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

Network = IPv4Network | IPv6Network
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*")


class Settings(BaseSettings):
    """Read from `LEXIQUERY_*` and, for Ollama, from `OLLAMA_HOST`. Times are in seconds.

    An empty variable is one that is not set: an empty API key would be none, and keep nobody out.
    """

    model_config = SettingsConfigDict(
        env_prefix="LEXIQUERY_", env_ignore_empty=True, extra="ignore", populate_by_name=True
    )

    data_dir: Path = Field(Path("data/runtime"), description="databases, vectors, models; everything that is kept")
    database_url: str | None = Field(None, description="SQLAlchemy URL; SQLite in data_dir if not set")
    host: str = Field("127.0.0.1", description="where servers listen; anything but loopback wants api_key")
    port: int = Field(8000, ge=0, le=65535, description="where servers listen; an agent served alone has its own")
    public_url: str | None = Field(None, description="where clients reach the server, if not at its own address")
    api_key: SecretStr | None = Field(None, description="clients send it as `Authorization: Bearer` or `X-API-Key`")

    ollama_host: str | None = Field(
        None,
        validation_alias=AliasChoices("LEXIQUERY_OLLAMA_HOST", "OLLAMA_HOST"),
        description="an Ollama to use; the embedded model if not set",
    )
    model: str = Field("qwen2.5-coder:1.5b", description="chat model, by Ollama's name")
    embedding_model: str | None = Field(
        None, description="by Ollama's name; all-minilm embedded, nomic-embed-text on an Ollama if not set"
    )
    groups_dir: Path | None = Field(
        None, description="where rows of schema groups are kept; data_dir/groups if not set"
    )
    model_dir: Path | None = Field(None, description="where model files are kept; data_dir/models if not set")
    model_threads: int = Field(0, ge=0, description="threads of the embedded model; 0 is one a core")
    num_ctx: int = Field(8192, gt=0, description="context window asked of the model, in tokens")
    model_timeout: float = Field(300.0, gt=0, description="longest wait for one model call")

    agent_timeout: float = Field(600.0, gt=0, description="longest wait for one agent's task")
    agents: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict, description="agents that run elsewhere: `kql=http://host:9020,sop=http://host:9010`"
    )
    allow_hosts: Annotated[list[Network | str], NoDecode] = Field(
        default_factory=list,
        description="where agents registered by URL may be besides public addresses: `10.1.0.0/16,agents.corp.example`",
    )
    health_seconds: float = Field(30.0, gt=0, description="how often registered agents are asked whether they live")
    executor_id: str = Field(
        "local", description="names this core engine; each replica on one PostgreSQL needs its own"
    )
    chroma_url: str | None = Field(None, description="a Chroma server; embedded in data_dir if not set")

    request_limit_mb: int = Field(64, ge=1, description="longest body of an HTTP request, in MiB")
    question_limit: int = Field(8000, gt=0, description="longest question, in characters")
    row_limit: int = Field(1000, gt=0, description="most rows an answer holds")
    query_seconds: float = Field(30.0, gt=0, description="longest run of one query in the sandbox")
    connection_seconds: float = Field(
        120.0, gt=0, description="longest run of one query on the platform that its group is connected to"
    )
    query_memory_mb: int = Field(1024, gt=0, description="most memory of one query in the sandbox")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least serious line logged")
    log_format: Literal["json", "console"] = Field("json", description="console is for people")
    call_text: Literal["full", "off"] = Field("full", description="whether the ledger keeps prompts and responses")
    hold_out: bool = Field(False, description="for evaluation: solved examples of the very question asked are not used")
    without: Annotated[frozenset[str], NoDecode] = Field(
        default_factory=frozenset, description="for evaluation: parts of the derivation left out: `examples,snap`"
    )

    @field_validator("ollama_host", "public_url")
    @classmethod
    def _check_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Ollama's may be HOST:PORT alone. What is no address is not repeated: it may hold a password."""
        prefix = "" if info.field_name == "public_url" or "//" in (value or "") else "http://"
        if value is not None and not _is_address(prefix + value):
            raise ValueError("expected an address like http://host:8000")
        return value

    @field_validator("without", mode="before")
    @classmethod
    def _split_parts(cls, value: object) -> object:
        return {part.strip() for part in value.split(",") if part.strip()} if isinstance(value, str) else value

    @field_validator("agents", mode="before")
    @classmethod
    def _split_agents(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [item.split("=", 1) for item in value.split(",") if item.strip()]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("expected NAME=URL,NAME=URL")
        return {name.strip(): url.strip() for name, url in pairs}

    @field_validator("allow_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [_host(item.strip()) for item in value.split(",") if item.strip()]

    @property
    def is_local(self) -> bool:
        """Whether servers listen to this machine only."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def models_path(self) -> Path:
        return self.model_dir or self.data_dir / "models"

    @property
    def groups_path(self) -> Path:
        """One DuckDB file a schema group that has rows."""
        return self.groups_dir or self.data_dir / "groups"

    @property
    def sqlalchemy_url(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{(self.data_dir / 'lexiquery.db').resolve()}"

    @property
    def embedding_model_name(self) -> str:
        return self.embedding_model or ("nomic-embed-text" if self.ollama_host else "all-minilm")


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.port or parts.hostname)
    except ValueError:  # of a port that is no number, or an open bracket
        return False


def _host(text: str) -> Network | str:
    """A network, an address as a network of one, or a host's name in lower case."""
    try:
        return ip_network(text.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError(f"'{text}' is no network; did you mean '{ip_network(text, strict=False)}'?") from error
    name = text.lower().rstrip(".")
    # All of a name's last label in digits makes it an address to some resolvers ('10.1', '2130706433').
    if not _HOST_NAME.fullmatch(name) or name.rpartition(".")[2].isdigit():
        raise ValueError(f"'{text}' is no host's name, address or network; expected 10.1.0.0/16 or agents.example")
    return name
