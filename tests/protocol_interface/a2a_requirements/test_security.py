"""The card, and the security that it declares: nothing is answered to who has no key, on any binding."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from a2a.compat.v0_3.types import AgentCard as OlderCard
from a2a.types import AgentCard
from google.protobuf.json_format import ParseDict

from agents.serve import agent_app
from shared.database import open_database
from shared.settings import Settings
from tests.agents.scripted_agent import ScriptedAgent
from tests.protocol_interface.a2a_requirements.conftest import BINDINGS, KEY, Endpoint, said
from tests.protocol_interface.a2a_requirements.requirements import covers
from tests.protocol_interface.a2a_requirements.wires import REQUESTS, STREAMS, V1, Refused, Wire

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOBODY = {"JSONRPC": 401, "HTTP+JSON": 401, "GRPC": "UNAUTHENTICATED"}
KEYS = {"bearer": {"Authorization": f"Bearer {KEY}"}, "api_key": {"X_API_Key": KEY}}
CONFIGS = [name for name in REQUESTS if "PushNotification" in name]


@pytest.fixture(params=BINDINGS)
def guarded(request: pytest.FixtureRequest, secured: Endpoint) -> Wire:
    return secured.wires[request.param]


@covers("A2A-AUTH-001", "A2A-AUTH-002")
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"X_API_Key": "wrong"}])
async def test_no_operation_answers_without_the_key(guarded: Wire, headers: dict[str, str]) -> None:
    for operation in REQUESTS:
        assert await _refusal(guarded, operation, headers) == NOBODY[guarded.binding], operation


async def _refusal(wire: Wire, operation: str, headers: dict[str, str]) -> object:
    params = {"id": "t", "taskId": "t", "message": said("How many?")}
    known = REQUESTS[operation].DESCRIPTOR.fields_by_camelcase_name
    given = {name: value for name, value in params.items() if name in known}
    try:
        if operation in STREAMS:
            return [event async for event in wire.stream(operation, given, **headers)]
        return await wire.call(operation, given, **headers)
    except Refused as refused:
        return refused.code


@covers("A2A-AUTH-003")
@pytest.mark.parametrize("scheme", KEYS)
async def test_each_declared_scheme_opens_each_binding(secured: Endpoint, guarded: Wire, scheme: str) -> None:
    card = (await secured.http.get("/.well-known/agent-card.json")).json()
    assert set(card["securitySchemes"]) == {*KEYS}
    assert "tasks" in await guarded.call("ListTasks", {}, **KEYS[scheme])


@covers("A2A-CARD-005", "A2A-CARD-006", "A2A-CARD-004")
async def test_the_extended_card_is_for_who_has_the_key(secured: Endpoint, guarded: Wire) -> None:
    public = (await secured.http.get("/.well-known/agent-card.json")).json()
    if not public["capabilities"].get("extendedAgentCard"):
        with pytest.raises(Refused) as caught:
            await guarded.call("GetExtendedAgentCard", {}, **KEYS["bearer"])
        assert caught.value.reason == "UNSUPPORTED_OPERATION"
        return
    extended = await guarded.call("GetExtendedAgentCard", {}, **KEYS["bearer"])
    tags = {tag for skill in extended["skills"] for tag in skill["tags"]}
    assert {"group:ops_logs", "platform:kql"} <= tags
    assert "ops_logs" not in str(public)


@covers("A2A-CARD-006")
async def test_without_a_key_there_is_no_extended_card(served: Endpoint, wire: Wire) -> None:
    with pytest.raises(Refused) as caught:
        await wire.call("GetExtendedAgentCard", {})
    assert caught.value.reason == "UNSUPPORTED_OPERATION"


@covers("A2A-CARD-001", "A2A-CARD-002")
async def test_the_card_is_for_everybody_and_whole(secured: Endpoint) -> None:
    answered = await secured.http.get("/.well-known/agent-card.json")
    assert answered.status_code == 200
    assert "max-age" in answered.headers["cache-control"]
    again = await secured.http.get("/.well-known/agent-card.json", headers={"If-None-Match": answered.headers["etag"]})
    assert again.status_code == 304
    card = ParseDict(answered.json(), AgentCard())  # which takes no field that 1.0 doesn't have
    for name in ("name", "description", "version", "supported_interfaces", "default_input_modes", "skills"):
        assert getattr(card, name), name
    assert card.default_output_modes
    for skill in card.skills:
        assert skill.id
        assert skill.name
        assert skill.description
        assert skill.tags


@covers("A2A-CARD-007")
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/.well-known/agent-card.json", {"A2A-Version": "0.3"}),
        ("/.well-known/agent-card.json?A2A-Version=0.3", {}),
        ("/.well-known/agent.json", {}),
    ],
    ids=["by header", "by parameter", "where it was"],
)
async def test_an_older_client_gets_the_card_with_the_fields_of_0_3(
    secured: Endpoint, path: str, headers: dict[str, str]
) -> None:
    answered = await secured.http.get(path, headers=headers)
    card = OlderCard.model_validate(answered.json())
    assert (card.protocol_version, card.preferred_transport) == ("0.3", "JSONRPC")
    assert card.url == str(secured.http.base_url).rstrip("/") + "/a2a/jsonrpc"
    again = await secured.http.get(path, headers={**headers, "If-None-Match": answered.headers["etag"]})
    assert again.status_code == 304
    newer = await secured.http.get("/.well-known/agent-card.json")
    assert newer.headers["etag"] != answered.headers["etag"]
    assert newer.headers["vary"] == "A2A-Version"


@covers("A2A-CARD-003")
async def test_every_interface_of_the_card_answers(served: Endpoint) -> None:
    card = (await served.http.get("/.well-known/agent-card.json")).json()
    offered = [one for one in card["supportedInterfaces"] if one["protocolVersion"] == "1.0"]
    assert [one["protocolBinding"] for one in offered] == [*BINDINGS]
    for one in offered:
        assert "tasks" in await served.wires[one["protocolBinding"]].call("ListTasks", {})
    assert offered[0]["url"] == str(served.http.base_url).rstrip("/") + "/a2a/jsonrpc"


@covers("A2A-AUTH-004", "A2A-LIST-005", "A2A-PUSH-010", "A2A-CARD-004")
async def test_another_s_tasks_are_not_there(tmp_path: Path) -> None:
    """Two agents on one database: each has tasks of its own. They have no webhooks, and say so."""
    engine = open_database(Settings(data_dir=tmp_path).sqlalchemy_url)
    apps = [agent_app(ScriptedAgent(name), url="http://a.test", engine=engine) for name in ("first", "second")]
    first, second = (httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://a.test") for app in apps)
    async with apps[0].router.lifespan_context(apps[0]), apps[1].router.lifespan_context(apps[1]), first, second:
        rest = "/a2a/rest"
        made = await first.post(f"{rest}/message:send", json={"message": said("Whose?")}, headers=V1)
        task = made.json()["task"]["id"]
        for method, path in (("GET", ""), ("POST", ":cancel"), ("POST", ":subscribe")):
            answered = await second.request(method, f"{rest}/tasks/{task}{path}", headers=V1)
            assert answered.json()["error"]["details"][0]["reason"] == "TASK_NOT_FOUND"
        assert (await second.get(f"{rest}/tasks", headers=V1)).json()["tasks"] == []
        for method, path in (("POST", ""), ("GET", ""), ("GET", "/c"), ("DELETE", "/c")):
            configs = f"{rest}/tasks/{task}/pushNotificationConfigs{path}"
            body = {"url": "https://hooks.example"} if method == "POST" else None
            answered = await first.request(method, configs, json=body, headers=V1)
            assert answered.json()["error"]["details"][0]["reason"] == "PUSH_NOTIFICATION_NOT_SUPPORTED"
        inline = {"message": said("?"), "configuration": {"taskPushNotificationConfig": {"url": "https://h.example"}}}
        answered = await first.post(f"{rest}/message:send", json=inline, headers=V1)
        assert answered.json()["error"]["details"][0]["reason"] == "PUSH_NOTIFICATION_NOT_SUPPORTED"
    await engine.dispose()
