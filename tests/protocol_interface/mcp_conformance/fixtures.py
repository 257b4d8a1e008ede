"""What the conformance suite wants a server to have, put on a server of ours: tools, resources and prompts by the names
that its scenarios call, and the handlers of a log level and of subscriptions, which the product does without."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any

from mcp.server.context import ServerRequestContext
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

Ctx = Context[Any, Any]
Messages = list[UserMessage]
# One transparent pixel, and an empty sound.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
PNG = "image/png"


def add_fixtures(server: MCPServer[Any]) -> None:
    for add in (_contents, _calls_back, _elicitations, _asks_by_result, _changes, _resources, _prompts, _handlers):
        add(server)


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    return EmbeddedResource(type="resource", resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def _pixel() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type=PNG)


def _contents(server: MCPServer[Any]) -> None:
    @server.tool()
    def test_simple_text() -> str:
        """Text."""
        return "This is a simple text response for testing."

    @server.tool()
    def test_image_content() -> list[ImageContent]:
        """An image."""
        return [_pixel()]

    @server.tool()
    def test_audio_content() -> list[AudioContent]:
        """A sound."""
        return [AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")]

    @server.tool()
    def test_embedded_resource() -> list[EmbeddedResource]:
        """A resource within the result."""
        return [_embedded("test://embedded-resource", "This is an embedded resource content.")]

    @server.tool()
    def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
        """Three kinds of content."""
        mixed = _embedded("test://mixed-content-resource", json.dumps({"test": "data"}), "application/json")
        return [_text("Multiple content types test:"), _pixel(), mixed]

    @server.tool()
    def test_error_handling() -> str:
        """A failure."""
        raise RuntimeError("on purpose")

    @server.tool()
    def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none") -> str:
        """An argument that comes as a header too."""
        return f"region={region}"

    @server.tool()
    def json_schema_2020_12_tool() -> str:
        """A schema with the keywords of 2020-12."""
        return "as its schema says"

    for tool in server._tool_manager.list_tools():  # the SDK takes a tool's schema from its function alone
        if tool.name == "json_schema_2020_12_tool":
            tool.parameters = SCHEMA_2020_12


def _calls_back(server: MCPServer[Any]) -> None:
    @server.tool()
    async def test_tool_with_logging(ctx: Ctx) -> str:
        """Log messages on the way."""
        for step in ("started", "processing", "completed"):
            await ctx.info(f"Tool execution {step}")
        return "logged"

    @server.tool()
    async def test_tool_with_progress(ctx: Ctx) -> str:
        """Progress on the way."""
        for done in (0, 50, 100):
            await ctx.report_progress(done, 100, f"step {done}")
        return "done"

    @server.tool()
    async def test_sampling(prompt: str, ctx: Ctx) -> str:
        """The client's model."""
        asked = SamplingMessage(role="user", content=_text(prompt))
        found = await ctx.session.create_message([asked], max_tokens=100, related_request_id=ctx.request_id)
        return f"LLM response: {getattr(found.content, 'text', '')}"

    @server.tool()
    async def test_missing_capability(ctx: Ctx) -> str:
        """Only for clients that sample."""
        if ctx.client_capabilities is None or ctx.client_capabilities.sampling is None:
            needed: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "the client does not sample", needed)
        return "it samples"

    @server.tool()
    async def test_reconnection(ctx: Ctx) -> str:
        """Closes the stream that it answers on."""
        await ctx.close_sse_stream()
        return "reconnected"


class Response(BaseModel):
    response: str


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def _titled(*names: str) -> list[dict[str, str]]:
    return [{"const": name, "title": name.title()} for name in names]


class Enums(BaseModel):
    """The ways to write a choice."""

    untitledSingle: str = Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})  # noqa: N815
    titledSingle: str = Field(json_schema_extra={"oneOf": _titled("low", "medium", "high")})  # type: ignore[dict-item]  # noqa: N815
    untitledMulti: list[str] = Field(json_schema_extra={"items": {"type": "string", "enum": ["read", "write"]}})  # noqa: N815
    titledMulti: list[str] = Field(json_schema_extra={"items": {"anyOf": _titled("bug", "docs")}})  # type: ignore[dict-item]  # noqa: N815
    legacyEnum: str = Field(json_schema_extra={"enum": ["s", "m"], "enumNames": ["Small", "Medium"]})  # noqa: N815


def _elicitations(server: MCPServer[Any]) -> None:
    async def elicit(ctx: Ctx, message: str, form: type[BaseModel]) -> str:
        found = await ctx.elicit(message, form)
        content = found.data.model_dump_json() if found.action == "accept" else "{}"
        return f"User response: action={found.action}, content={content}"

    @server.tool()
    async def test_elicitation(message: str, ctx: Ctx) -> str:
        """A question to the user."""
        return await elicit(ctx, message, Response)

    @server.tool()
    async def test_elicitation_sep1034_defaults(ctx: Ctx) -> str:
        """A form with defaults."""
        return await elicit(ctx, "Please fill in", Defaults)

    @server.tool()
    async def test_elicitation_sep1330_enums(ctx: Ctx) -> str:
        """A form with choices."""
        return await elicit(ctx, "Please choose", Enums)


def _form(message: str, name: str, kind: str = "string") -> ElicitRequest:
    schema = {"type": "object", "properties": {name: {"type": kind}}, "required": [name]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def _sample(text: str) -> CreateMessageRequest:
    asked = SamplingMessage(role="user", content=_text(text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[asked], max_tokens=50))


def _said(ctx: Ctx, name: str, field: str) -> str | None:
    """What the client's user wrote into the form of that name, if it has come."""
    reply = (ctx.input_responses or {}).get(name)
    return str((reply.content or {}).get(field)) if isinstance(reply, ElicitResult) else None


Asked = str | InputRequiredResult


def _asks_by_result(server: MCPServer[Any]) -> None:
    def asks(requests: dict[str, InputRequest], state: str | None = None) -> InputRequiredResult:
        return InputRequiredResult(input_requests=requests, request_state=state)

    @server.tool()
    async def test_input_required_result_elicitation(ctx: Ctx) -> Asked:
        """Asks for a name."""
        name = _said(ctx, "user_name", "name")
        return f"Hello, {name}!" if name else asks({"user_name": _form("What is your name?", "name")})

    @server.tool()
    async def test_input_required_result_sampling(ctx: Ctx) -> Asked:
        """Asks the client's model."""
        reply = (ctx.input_responses or {}).get("capital_question")
        if reply is None:
            return asks({"capital_question": _sample("What is the capital of France?")})
        return f"Model said: {getattr(getattr(reply, 'content', None), 'text', '')}"

    @server.tool()
    async def test_input_required_result_list_roots(ctx: Ctx) -> Asked:
        """Asks for roots."""
        reply = (ctx.input_responses or {}).get("client_roots")
        if reply is None:
            return asks({"client_roots": ListRootsRequest()})
        return f"{len(getattr(reply, 'roots', []))} roots"

    @server.tool()
    async def test_input_required_result_request_state(ctx: Ctx) -> Asked:
        """Carries state."""
        if _said(ctx, "confirm", "ok") and ctx.request_state == "kept":
            return "state-ok: confirmed"
        return asks({"confirm": _form("Please confirm", "ok", "boolean")}, "kept")

    @server.tool()
    async def test_input_required_result_multiple_inputs(ctx: Ctx) -> Asked:
        """Asks three things at once."""
        asked: dict[str, InputRequest] = {
            "user_name": _form("What is your name?", "name"),
            "greeting": _sample("Generate a greeting"),
            "client_roots": ListRootsRequest(),
        }
        return "all there" if asked.keys() <= (ctx.input_responses or {}).keys() else asks(asked, "three")

    @server.tool()
    async def test_input_required_result_multi_round(ctx: Ctx) -> Asked:
        """Asks twice."""
        kept = json.loads(ctx.request_state) if ctx.request_state else {}
        color, name = _said(ctx, "step2", "color"), _said(ctx, "step1", "name")
        if color and kept.get("name"):
            return f"{kept['name']} likes {color}."
        if name:
            return asks({"step2": _form("Step 2: which color?", "color")}, json.dumps({"round": 2, "name": name}))
        return asks({"step1": _form("Step 1: which name?", "name")}, json.dumps({"round": 1}))

    @server.tool()
    async def test_input_required_result_tampered_state(ctx: Ctx) -> Asked:
        """State that nobody may change."""
        if ctx.request_state is not None:
            return f"state-ok: {ctx.request_state}"
        return asks({"confirm": _form("Please confirm", "ok", "boolean")}, "first")

    @server.tool()
    async def test_input_required_result_capabilities(ctx: Ctx) -> InputRequiredResult:
        """Asks only what the client can answer."""
        able = ctx.client_capabilities
        requests: dict[str, InputRequest] = {}
        if able is not None and able.sampling is not None:
            requests["sample"] = _sample("Say hello")
        if able is not None and able.elicitation is not None:
            requests["ask"] = _form("What is your name?", "name")
        return asks(requests, "gated")

    @server.prompt()
    async def test_input_required_result_prompt(ctx: Ctx) -> Messages | InputRequiredResult:
        """A prompt that asks first."""
        said = _said(ctx, "user_context", "context")
        if said is None:
            return asks({"user_context": _form("Which context?", "context")})
        return [UserMessage(f"Use the following context: {said}")]


def _changes(server: MCPServer[Any]) -> None:
    def changing() -> str:
        """Comes and goes."""
        return "there"

    @server.tool()
    async def test_trigger_tool_change(ctx: Ctx) -> str:
        """The tools change."""
        server.add_tool(changing, name="test_dynamic_tool")
        server.remove_tool("test_dynamic_tool")
        await ctx.notify_tools_changed()
        return "changed"

    @server.tool()
    async def test_trigger_prompt_change(ctx: Ctx) -> str:
        """The prompts change."""
        server.add_prompt(Prompt.from_function(changing, name="test_dynamic_prompt"))
        server.remove_prompt("test_dynamic_prompt")
        await ctx.notify_prompts_changed()
        return "changed"


def _resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        """Text."""
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type=PNG)
    def static_binary() -> bytes:
        """An image."""
        return base64.b64decode(PIXEL)

    @server.resource("test://template/{id}/data", mime_type="application/json")
    def by_template(id: str) -> str:
        """By its id."""
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource")
    def watched() -> str:
        """To subscribe to."""
        return "watched"


def _prompts(server: MCPServer[Any]) -> None:
    @server.prompt()
    def test_simple_prompt() -> Messages:
        """Without arguments."""
        return [UserMessage("This is a simple prompt for testing.")]

    @server.prompt()
    def test_prompt_with_arguments(arg1: str, arg2: str) -> Messages:
        """With two arguments."""
        return [UserMessage(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'")]

    @server.prompt()
    def test_prompt_with_embedded_resource(resourceUri: str) -> Messages:  # noqa: N803 -- the suite's name
        """With a resource."""
        embedded = _embedded(resourceUri, "Embedded resource content for testing.")
        return [UserMessage(embedded), UserMessage("Please process the embedded resource above.")]

    @server.prompt()
    def test_prompt_with_image() -> Messages:
        """With an image."""
        return [UserMessage(_pixel()), UserMessage("Please analyze the image above.")]


Handled = ServerRequestContext[Any, Any]


async def _set_level(_: Handled, params: SetLevelRequestParams) -> EmptyResult:
    return EmptyResult()


async def _subscribe(_: Handled, params: SubscribeRequestParams) -> EmptyResult:
    return EmptyResult()


async def _unsubscribe(_: Handled, params: UnsubscribeRequestParams) -> EmptyResult:
    return EmptyResult()


def _handlers(server: MCPServer[Any]) -> None:
    low = server._lowlevel_server
    low.add_request_handler("logging/setLevel", SetLevelRequestParams, _set_level)
    low.add_request_handler("resources/subscribe", SubscribeRequestParams, _subscribe)
    low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, _unsubscribe)


SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
