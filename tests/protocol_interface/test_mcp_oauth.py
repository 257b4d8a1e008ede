"""MCP as an OAuth resource server: whose tokens open it, and what they allow."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import jwt
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextResourceContents
from pydantic import SecretStr
from starlette.applications import Starlette

from protocol_interface.mcp_server import build_mcp, mount_mcp, open_paths
from protocol_interface.mcp_server.http import PATH
from protocol_interface.mcp_server.oauth import IssuerKeys
from shared.auth import PUBLIC_PATHS, ApiKeyRequired
from shared.errors import InvalidInput
from shared.models import Answer, Question
from shared.settings import Settings
from tests.agents.serving import loopback_socket, on_a_socket
from tests.protocol_interface.issuer import ISSUER, Issuer
from tests.protocol_interface.mcp_serving import both_versions, text_of
from tests.protocol_interface.notebook import Notebook
from tests.protocol_interface.test_mcp_http import ACCEPT, HELLO

KEY = "an-api-key"
GUARDED: dict[str, Any] = {"api_key": SecretStr(KEY)}
HERE = "http://127.0.0.1:8000"
QUERY = {"platform": "kql", "schema_group": "ops_logs", "query": "SigninLogs | count"}


@asynccontextmanager
async def guarded(product: Notebook, settings: Settings) -> AsyncIterator[str]:
    """The endpoint's URL, in a host with an API key, as `lexiquery up` mounts it."""
    listener = loopback_socket()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with running:
            yield

    host = Starlette(lifespan=lifespan)
    running = mount_mcp(host, product, settings=settings, url=url)
    host.add_middleware(ApiKeyRequired, key=KEY, public=PUBLIC_PATHS | open_paths(settings, url))
    async with on_a_socket(host, listener):
        yield url + PATH


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def product() -> Notebook:
    return Notebook()


@pytest.fixture
async def url(product: Notebook, issuer: Issuer, tmp_path: Path) -> AsyncIterator[str]:
    settings = Settings(oauth_issuer=ISSUER, oauth_keys=issuer.file(tmp_path), api_key=SecretStr(KEY))
    async with guarded(product, settings) as found:
        yield found


@asynccontextmanager
async def client_with(url: str, mode: str, **headers: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


async def status(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(url, json=HELLO, headers={**ACCEPT, **headers})


@both_versions
async def test_a_token_that_allows_to_read_does_not_allow_to_run(
    mode: str, url: str, product: Notebook, issuer: Issuer
) -> None:
    async with client_with(url, mode, authorization=f"Bearer {issuer.token(url, 'read')}") as client:
        assert not (await client.call_tool("prove", QUERY)).is_error
        refused = await client.call_tool("execute", QUERY)
        told = await client.call_tool("ask", {"question": "Failures?", "run": True})
        answer = await client.call_tool("ask", {"question": "Failures?"})
    assert refused.is_error
    assert "forbidden: running queries takes the scope 'execute'" in text_of(refused)
    assert "forbidden" in text_of(told)
    assert [one.run for one in product.asked] == [False]
    assert Answer.model_validate(answer.structured_content).answers[0].result is None


@both_versions
async def test_a_token_that_allows_to_read_does_not_read_rows_of_earlier_answers(
    mode: str, url: str, product: Notebook, issuer: Issuer
) -> None:
    journey = await product.start(Question(question="Failures?", run=True))
    for scope, rows in (("read", None), ("read execute", [[42]])):
        async with client_with(url, mode, authorization=f"Bearer {issuer.token(url, scope)}") as client:
            told = await client.call_tool("journey", {"journey_id": journey})
            read = (await client.read_resource(f"journey://{journey}")).contents[0]
        assert isinstance(read, TextResourceContents)
        assert ("42" in text_of(told)) == (rows is not None)
        for found in (Answer.model_validate(told.structured_content), Answer.model_validate_json(read.text)):
            (answer,) = found.answers
            assert (answer.result.rows if answer.result else None) == rows
            assert any("rows are not shown" in one for one in answer.assumptions) == (rows is None)


@both_versions
async def test_a_token_that_allows_to_run_and_the_api_key_open_everything(mode: str, url: str, issuer: Issuer) -> None:
    token = issuer.token(url, scope="", scp=["read", "execute"], client_id="ide")
    for headers in ({"authorization": f"Bearer {token}"}, {"authorization": f"Bearer {KEY}"}, {"x-api-key": KEY}):
        async with client_with(url, mode, **headers) as client:
            assert not (await client.call_tool("execute", QUERY)).is_error


async def test_who_has_no_token_is_told_where_to_get_one(url: str) -> None:
    refused = await status(url)
    where = f"{url.removesuffix(PATH)}/.well-known/oauth-protected-resource/mcp"
    assert refused.status_code == 401
    assert f'resource_metadata="{where}"' in refused.headers["www-authenticate"]
    async with httpx.AsyncClient(trust_env=False) as http:
        told = (await http.get(where)).json()
    assert told["resource"] == url
    assert [one.rstrip("/") for one in told["authorization_servers"]] == [ISSUER]
    assert told["scopes_supported"] == ["read", "execute"]


def _unsigned(url: str, issuer: Issuer) -> str:
    claims = jwt.decode(issuer.token(url), options={"verify_signature": False})
    return jwt.encode(claims, "", algorithm="none", headers={"kid": issuer.name})


TOKENS: dict[str, Any] = {
    "expired": lambda url, one: one.token(url, exp=time.time() - 60),
    "not yet valid": lambda url, one: one.token(url, nbf=time.time() + 60),
    "without an end": lambda url, one: one.token(url, exp=None),
    "of another issuer": lambda url, one: one.token(url, iss="https://evil.example"),
    "for another server": lambda url, one: one.token("https://other.example/mcp"),
    "signed with another key of that name": lambda url, one: Issuer().token(url),
    "signed with an unknown key": lambda url, one: Issuer("k2").token(url),
    "unsigned": _unsigned,
    "no token": lambda url, one: "Bearer",
}


@pytest.mark.parametrize("kind", TOKENS)
async def test_a_token_that_is_not_right_is_refused(kind: str, url: str, issuer: Issuer) -> None:
    refused = await status(url, authorization=f"Bearer {TOKENS[kind](url, issuer)}")
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")


async def test_a_token_without_the_scope_to_read_is_refused(url: str, issuer: Issuer) -> None:
    refused = await status(url, authorization=f"Bearer {issuer.token(url, 'email')}")
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")


async def test_a_page_of_another_site_is_refused_whatever_token_it_has(url: str, issuer: Issuer) -> None:
    token = f"Bearer {issuer.token(url)}"
    refused = await status(url, authorization=token, origin="https://evil.example")
    assert (refused.status_code, refused.json()["code"]) == (403, "foreign_origin")
    assert (await status(url, authorization=token, origin=url.removesuffix(PATH))).status_code == 200


async def test_a_session_is_only_its_owners(url: str, issuer: Issuer) -> None:
    opened = await status(url, authorization=f"Bearer {issuer.token(url)}")
    own = {"mcp-session-id": opened.headers["mcp-session-id"]}
    assert (await status(url, authorization=f"Bearer {issuer.token(url, sub='bob')}", **own)).status_code == 404


async def test_keys_come_from_the_issuers_address_and_made_up_ones_do_not_make_it_be_asked_again(
    issuer: Issuer, product: Notebook
) -> None:
    async with on_a_socket(issuer.app(), loopback_socket()) as there:
        settings = Settings(oauth_issuer=ISSUER, oauth_keys=f"{there}/jwks", oauth_audience="lexiquery", **GUARDED)
        async with guarded(product, settings) as url:
            for _ in range(3):
                stranger = Issuer("k2").token("lexiquery")
                assert (await status(url, authorization=f"Bearer {stranger}")).status_code == 401
            assert (await status(url, authorization=f"Bearer {issuer.token('lexiquery')}")).status_code == 200
    assert issuer.fetched == 1


async def test_an_issuer_whose_keys_can_not_be_had_lets_nobody_in(issuer: Issuer, product: Notebook) -> None:
    gone = loopback_socket()
    keys = f"http://127.0.0.1:{gone.getsockname()[1]}/jwks"
    settings = Settings(oauth_issuer=ISSUER, oauth_keys=keys, **GUARDED)
    gone.close()
    async with guarded(product, settings) as url:
        assert (await status(url, authorization=f"Bearer {issuer.token(url)}")).status_code == 401


def test_settings_that_can_not_work_are_told_before_anything_is_served(tmp_path: Path, product: Notebook) -> None:
    with pytest.raises(InvalidInput, match="set LEXIQUERY_OAUTH_KEYS"):
        mount_mcp(Starlette(), product, settings=Settings(oauth_issuer=ISSUER, **GUARDED), url=HERE)
    unguarded = Settings(oauth_issuer=ISSUER, oauth_keys=Issuer().file(tmp_path))
    with pytest.raises(InvalidInput, match="without LEXIQUERY_API_KEY"):
        mount_mcp(Starlette(), product, settings=unguarded, url=HERE)
    with pytest.raises(InvalidInput, match="can't be read: No such file"):
        IssuerKeys(str(tmp_path / "none.json"))
    (tmp_path / "empty.json").write_text('{"keys": []}')
    with pytest.raises(InvalidInput, match=r"empty\.json holds no keys"):
        IssuerKeys(str(tmp_path / "empty.json"))


async def test_without_an_issuer_there_are_no_tokens(product: Notebook) -> None:
    async with guarded(product, Settings()) as url:
        assert (await status(url)).json()["code"] == "unauthorized"
        assert (await status(url, authorization=f"Bearer {KEY}")).status_code == 200
    assert build_mcp(product).settings.auth is None
