"""Prompts stay in the user's network, unless the operator lets a provider by its name be elsewhere."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import httpx
import pytest

from shared.addresses import is_own
from shared.errors import ModelUnavailable
from shared.llm.providers.egress import Egress
from tests.scripted_ollama import ScriptedOllama
from tests.scripted_openai import ScriptedOpenAI
from tests.shared.llm.providers.conftest import HELLO, Ears, on_ollama, on_openai

PUBLIC = "93.184.215.14"
Names = dict[str, str]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Says at which addresses a name of these tests is; several, parted by spaces."""
    known: Names = {}
    resolve = socket.getaddrinfo

    def answer(host: str, port: int, *rest: Any, **named: Any) -> Any:
        return [one for address in known.get(host, host).split() for one in resolve(address, port, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


OWN = ["127.0.0.1", "::1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "fd12::7", "169.254.1.1", "fe80::1", "0.0.0.0"]
OWN += ["::ffff:10.0.0.1"]
NOT_OWN = [PUBLIC, "2606:2800::1", "100.64.0.1", "172.32.0.1", "192.0.2.1", "169.254.169.254", "fd00:ec2::254"]
NOT_OWN += [f"::ffff:{PUBLIC}", "64:ff9b::a00:1", "2002:a00:1::1", "224.0.0.1"]


@pytest.mark.parametrize("address", OWN)
def test_loopback_private_and_link_local_addresses_are_one_s_own(address: str) -> None:
    assert is_own(ip_address(address))


@pytest.mark.parametrize("address", NOT_OWN)
def test_public_shared_and_cloud_addresses_are_not(address: str) -> None:
    assert not is_own(ip_address(address))


@pytest.mark.parametrize("addresses", [PUBLIC, f"127.0.0.1 {PUBLIC}", f"::1 {PUBLIC}"])
async def test_a_provider_with_one_address_outside_is_refused_by_name(
    names: Names, scripted_openai: ScriptedOpenAI, ears: Ears, addresses: str
) -> None:
    names["models.example"] = addresses
    port = httpx.URL(scripted_openai.url).port
    for provider in (on_openai(f"http://models.example:{port}"), on_ollama(f"http://models.example:{port}")):
        with pytest.raises(ModelUnavailable, match=f"'{provider.name}' is at models.example .*{PUBLIC}") as raised:
            await provider.chat(HELLO, ears.heard)
        assert f"LEXIQUERY_HOSTED={provider.name}" in str(raised.value)
        await provider.close()
    assert (scripted_openai.requests, ears.retries) == ([], 0)


async def test_a_name_that_moves_outside_is_refused_from_then_on(
    names: Names, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    names["models.example"] = "127.0.0.1"
    provider = on_ollama(f"http://models.example:{httpx.URL(scripted_ollama.url).port}")
    assert (await provider.chat(HELLO, ears.heard)).text == "ok"
    names["models.example"] = PUBLIC
    with pytest.raises(ModelUnavailable, match="outside your network"):
        await provider.chat(HELLO, ears.heard)
    assert scripted_ollama.headers[0]["host"].startswith("models.example:")
    await provider.close()


async def test_of_a_host_s_addresses_the_one_that_listens_is_taken(
    names: Names, scripted_ollama: ScriptedOllama, ears: Ears
) -> None:
    names["models.example"] = "127.0.0.9 127.0.0.1"
    provider = on_ollama(f"http://models.example:{httpx.URL(scripted_ollama.url).port}")
    assert (await provider.chat(HELLO, ears.heard)).text == "ok"
    await provider.close()


class _Sent(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=f"{request.url.host} {request.headers['host']}")


@pytest.mark.parametrize("hosted", [True, False])
async def test_a_listed_provider_may_be_outside(names: Names, monkeypatch: pytest.MonkeyPatch, hosted: bool) -> None:
    names["models.example"] = PUBLIC
    egress = Egress("vllm", hosted=hosted)
    monkeypatch.setattr(egress, "_network", _Sent())
    async with httpx.AsyncClient(transport=egress) as client:
        if hosted:
            assert (await client.get("https://models.example/v1")).text == f"{PUBLIC} models.example"
        else:
            with pytest.raises(ModelUnavailable, match="LEXIQUERY_HOSTED=vllm"):
                await client.get("https://models.example/v1")


async def test_no_proxy_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, scripted_ollama: ScriptedOllama, scripted_openai: ScriptedOpenAI, ears: Ears
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for provider in (on_ollama(scripted_ollama.url), on_openai(scripted_openai.url)):
        assert (await provider.chat(HELLO, ears.heard)).text == "ok"
        await provider.close()
