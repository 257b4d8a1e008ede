"""Every setting, its environment variable and its default. Nothing else reads the environment,
but for the variables that a connection names (docs/connectors.md)."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from shared.errors import nearest

Network = IPv4Network | IPv6Network
_HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_-]{1,63})*")

_BUILT_IN = ("ollama", "embedded")
_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_HEADER_NAME, _HEADER_VALUE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"), re.compile(r"[!-~]([ -~]*[!-~])?")
_OLLAMA = "http://127.0.0.1:11434"
"""Where an Ollama is that nobody placed elsewhere."""


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
    grpc_port: int | None = Field(
        None, ge=0, le=65535, description="where [A2A](a2a.md) is served over gRPC too; not at all if not set"
    )
    public_url: str | None = Field(None, description="where clients reach the server, if not at its own address")
    api_key: SecretStr | None = Field(None, description="clients send it as `Authorization: Bearer` or `X-API-Key`")

    oauth_issuer: str | None = Field(
        None, description="whose OAuth tokens open `/mcp`: [how](mcp.md#oauth); nobody's if not set"
    )
    oauth_audience: str | None = Field(None, description="the `aud` of those tokens; the address of `/mcp` if not set")
    oauth_keys: str | None = Field(None, description="the issuer's public keys (JWKS): a web address, or a file")
    mcp_sessions: int = Field(1000, ge=1, description="most MCP sessions at a time; protocol 2026-07-28 has none")

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
    model_adapter: Path | None = Field(
        None, description="a LoRA adapter (GGUF) for [the embedded model](providers.md#bigger-and-tuned-models)"
    )
    model_threads: int = Field(0, ge=0, description="threads of the embedded model; 0 is one a core")
    num_ctx: int = Field(8192, gt=0, description="context window asked of the model, in tokens")
    model_timeout: float = Field(300.0, gt=0, description="longest wait for one model call")
    model_idle_timeout: float = Field(60.0, gt=0, description="longest wait for the next piece of a begun answer")
    model_concurrency: int = Field(
        4, ge=1, description="most calls at a time of one model on one provider; the embedded one takes one at a time"
    )
    providers: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="model servers in the order of failover: `ollama`, `embedded`, and OpenAI-compatible ones by "
        "NAME=URL, as in `vllm=http://gpu:8000/v1,ollama`; what OLLAMA_HOST says if not set",
    )
    hosted: Annotated[frozenset[str], NoDecode] = Field(
        default_factory=frozenset,
        description="providers that may be outside your own network: `vllm,ollama`; prompts go there",
    )
    model_names: Annotated[dict[str, str], NoDecode] = Field(
        default_factory=dict,
        description="what a provider calls a model: `vllm/qwen2.5-coder:1.5b=Qwen/Qwen2.5-Coder-1.5B-Instruct`",
    )
    key_file: Path | None = Field(
        None, description="holds the key that encrypts providers' keys; data_dir/secret.key, made when needed"
    )
    secret_key: SecretStr | None = Field(
        None, description="that key itself, instead of a file; `NEW,OLD` while keys are rotated"
    )

    prompts_dir: Path | None = Field(
        None, description="a folder of [prompts of your own](prompts.md), each instead of LexiQuery's of its name"
    )

    agent_timeout: float = Field(600.0, gt=0, description="longest wait for one agent's task")
    agents: Annotated[dict[str, list[str]], NoDecode] = Field(
        default_factory=dict,
        description="LexiQuery's agents that run elsewhere: `kql=http://host:9020,sop=http://host:9010`; "
        "a name again is [a replica](registry.md#replicas)",
    )
    agent_cards: Annotated[list[str], NoDecode] = Field(
        default_factory=list,
        description="[other parties' agents](registry.md#static-agents): card files, folders of them, or URLs",
    )
    agent_keys: Path | None = Field(
        None, description="public keys that [sign cards](registry.md#signatures): a file or folder of JWK, JWKS or PEM"
    )
    allow_hosts: Annotated[list[Network | str], NoDecode] = Field(
        default_factory=list,
        description="where agents registered by URL may be besides public addresses: `10.1.0.0/16,agents.corp.example`",
    )
    registry_limit: int = Field(1000, ge=0, description="most agents of others in the registry")
    health_seconds: float = Field(30.0, gt=0, description="how often registered agents are asked whether they live")
    executor_id: str = Field(
        "local", description="names this core engine; each replica on one PostgreSQL needs its own"
    )
    chroma_url: str | None = Field(None, description="a Chroma server; embedded in data_dir if not set")

    document_hosts: Annotated[list[Network | str], NoDecode] = Field(
        default_factory=list,
        description="where [documents](knowledge.md#adding-documents) may be read from by URL: "
        "`wiki.corp.example,10.2.0.0/16`; nowhere if not set",
    )
    document_seconds: float = Field(60.0, gt=0, description="longest reading of one document")
    document_memory_mb: int = Field(1024, ge=64, description="most memory that reading one document may take, in MiB")

    runbook_check_hours: float = Field(
        24.0,
        ge=0,
        allow_inf_nan=False,
        description="how often a server proves [the runbooks' queries](knowledge.md#runbooks-as-tests); 0 is never",
    )

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
    call_text: Literal["full", "masked", "off"] = Field(
        "full", description="prompts and responses on the ledger: as they are, without names and addresses, or not"
    )
    alert_webhook: SecretStr | None = Field(
        None, description="a URL that is sent an alert, as JSON, when a [budget](costs.md#budgets) fills up"
    )
    response_cache_days: int = Field(
        30, ge=0, le=36_500, description="how long models' answers are kept for reuse; 0 is not at all"
    )
    response_cache_mb: int = Field(64, ge=1, description="most room for them, in MiB; the least lately used go first")
    cache_url: SecretStr | None = Field(
        None, description="keeps answers and vectors: `redis://:PASSWORD@HOST:6379/0`; the database if not set"
    )
    otlp_endpoint: str | None = Field(
        None, description="an OpenTelemetry collector: [what is sent there](observability.md); nothing if not set"
    )
    otlp_headers: SecretStr | None = Field(
        None, description="sent with it: `authorization=Bearer%20TOKEN,x-tenant=ops`, values percent-encoded"
    )
    rate_card: Path | None = Field(
        None, description="[what calls cost](costs.md), a YAML file; calls have no price if not set"
    )
    hold_out: bool = Field(False, description="for evaluation: solved examples of the very question asked are not used")
    without: Annotated[frozenset[str], NoDecode] = Field(
        default_factory=frozenset, description="for evaluation: parts of the derivation left out: `examples,snap`"
    )

    @field_validator("ollama_host", "public_url", "otlp_endpoint", "oauth_issuer")
    @classmethod
    def _check_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Ollama's may be HOST:PORT alone. What is no address is not repeated: it may hold a password."""
        prefix = "http://" if info.field_name == "ollama_host" and "//" not in (value or "") else ""
        if value is not None and not _is_address(prefix + value):
            raise ValueError("expected an address like http://host:8000")
        return value

    @field_validator("otlp_headers")
    @classmethod
    def _check_headers(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            _headers(value.get_secret_value())
        return value

    @field_validator("providers", mode="before")
    @classmethod
    def _split_providers(cls, value: object) -> object:
        return _providers(value) if isinstance(value, str) else value

    @field_validator("model_names", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [item.partition("=") for item in value.split(",") if item.strip()]
        if any("/" not in ours or not theirs.strip() for ours, _, theirs in pairs):
            raise ValueError("expected PROVIDER/MODEL=NAME,PROVIDER/MODEL=NAME")
        return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}

    @field_validator("without", "hosted", mode="before")
    @classmethod
    def _split_parts(cls, value: object) -> object:
        return {part.strip() for part in value.split(",") if part.strip()} if isinstance(value, str) else value

    @field_validator("hosted")
    @classmethod
    def _check_hosted(cls, value: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        """A name that is misspelt would forbid what the operator means to allow."""
        known = list(dict.fromkeys([*_BUILT_IN, *info.data.get("providers", ())]))
        if unknown := sorted(value - set(known)):
            meant = nearest(unknown[0], known)
            hint = f"did you mean '{meant}'? " if meant else ""
            raise ValueError(f"'{unknown[0]}' is no provider of LEXIQUERY_PROVIDERS; {hint}known: {', '.join(known)}")
        return value

    @field_validator("agents", mode="before")
    @classmethod
    def _split_agents(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        pairs = [item.split("=", 1) for item in value.split(",") if item.strip()]
        if any(len(pair) != 2 for pair in pairs):
            raise ValueError("expected NAME=URL,NAME=URL")
        found: dict[str, list[str]] = {}
        for name, url in pairs:
            found.setdefault(name.strip(), []).append(url.strip())
        return found

    @field_validator("agent_cards", mode="before")
    @classmethod
    def _split_cards(cls, value: object) -> object:
        return [item.strip() for item in value.split(",") if item.strip()] if isinstance(value, str) else value

    @field_validator("allow_hosts", "document_hosts", mode="before")
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
    def provider_urls(self) -> dict[str, str]:
        """Providers in the order of failover, and where they are; the embedded one is nowhere before it starts."""
        named = self.providers or {"ollama" if self.ollama_host else "embedded": ""}
        return named | ({"ollama": self.ollama_host or _OLLAMA} if "ollama" in named else {})

    @property
    def otlp_header_values(self) -> dict[str, str]:
        return _headers(self.otlp_headers.get_secret_value()) if self.otlp_headers else {}

    @property
    def key_path(self) -> Path:
        return self.key_file or self.data_dir / "secret.key"

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
    """Whether a connection may be tried there: what can't be a host would fail in the middle of a start."""
    if not url.isprintable():  # urlsplit drops tabs and line ends
        return False
    import httpx  # 0.1 s, and most have no address of their own in their settings

    try:
        parts = urlsplit(url)
        named, host = bool(parts.port or parts.hostname), httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):  # of a port that is no number, an open bracket, a label that is too long
        return False
    return parts.scheme in ("http", "https") and named and (not host or _is_host(host))


def _is_host(text: str) -> bool:
    try:
        _host(text if ":" in text else text.encode("idna").decode())
    except ValueError:
        return False
    return True


def _providers(text: str) -> dict[str, str]:
    """Name → URL, in order; '' of those that need none. What is no address is not repeated: it may hold a password."""
    found: dict[str, str] = {}
    for item in (item.strip() for item in text.split(",") if item.strip()):
        name, _, url = (part.strip() for part in item.partition("="))
        if name in found:
            raise ValueError(f"'{name}' is named twice")
        if name in _BUILT_IN:
            if url:
                raise ValueError(f"'{name}' stands alone; where an Ollama is says OLLAMA_HOST")
        elif not _PROVIDER_NAME.fullmatch(name):
            raise ValueError("expected NAME=URL, `ollama` or `embedded`; a name is up to 32 of a-z, 0-9, - and _")
        elif not _is_address(url):
            raise ValueError(f"expected an address like {name}=http://host:8000/v1")
        found[name] = url
    return found


def _headers(text: str) -> dict[str, str]:
    """As OpenTelemetry writes them in OTEL_EXPORTER_OTLP_HEADERS. What is wrong is not repeated: it may be a secret."""
    pairs = [item.partition("=") for item in text.split(",") if item.strip()]
    found = {name.strip(): unquote(value.strip()) for name, _, value in pairs}
    if not all(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value) for name, value in found.items()):
        raise ValueError("expected NAME=VALUE,NAME=VALUE, values percent-encoded")
    return found


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
