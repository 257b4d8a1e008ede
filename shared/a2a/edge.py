"""What every HTTP request to an agent passes before the SDK: which version and extensions it names, and whether its
body can be read. The SDK answers what it stumbles over with an internal error, as if the fault were ours.
"""

from __future__ import annotations

import json
import re
from typing import Literal

from a2a.extensions.common import HTTP_EXTENSION_HEADER, get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import build_error_response
from a2a.server.routes.common import DefaultServerCallContextBuilder
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE, PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0, VERSION_HEADER
from a2a.utils.error_handlers import build_rest_error_payload
from a2a.utils.errors import (
    A2AError,
    ContentTypeNotSupportedError,
    InvalidRequestError,
    VersionNotSupportedError,
)
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.a2a.sizes import has_more_values
from shared.a2a.wire import DEPTH, EXTENSION, JSON

Binding = Literal["JSONRPC", "HTTP+JSON"]
VERSIONS = (PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0)
_VERSION = re.compile(r"(\d+\.\d+)(\.\d+)?")
_JSON_TYPES = (JSON, A2A_JSON_MEDIA_TYPE)
_LONG_NUMBER = re.compile(r"(?<!\d)\d{4300}")
"""Python reads no integer of more digits."""


def check_version(said: str, served: tuple[str, ...] = VERSIONS) -> None:
    """Raises VersionNotSupportedError unless Major.Minor of what a client says is served; nothing said is 0.3."""
    found = _VERSION.fullmatch(said.strip() or PROTOCOL_VERSION_0_3)
    if found is None or found[1] not in served:
        supported = ", ".join(served)
        raise VersionNotSupportedError(message=f"A2A version '{said[:40]}' is not supported here; {supported} is")


class CallContexts(DefaultServerCallContextBuilder):
    """The context of an HTTP call. The version may also be a parameter of the address (specification, 3.6.1)."""

    def build(self, request: Request) -> ServerCallContext:
        context = super().build(request)
        headers = context.state["headers"]
        name = VERSION_HEADER.lower()
        if not headers.get(name) and (given := request.query_params.get(VERSION_HEADER)):
            headers[name] = given
        check_version(headers.get(name, ""))
        return context


class Edge:
    """Around a route of the SDK: refuses a body that is not called JSON, is no text, or would exhaust its reader; and
    names the extension in the answer if the client asked for it. values: most commas and colons of a body."""

    def __init__(self, app: ASGIApp, binding: Binding, values: int) -> None:
        self._app = app
        self._binding = binding
        self._values = values

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if EXTENSION in get_requested_extensions(headers.getlist(HTTP_EXTENSION_HEADER)):
            send = _naming_extension(send)
        if self._binding == "HTTP+JSON" and _knows_only_json(headers):
            send = _calling_it_json(send)
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            return
        error = body_error(body, headers.get("content-type", ""), self._values)
        if error:
            await self._refusal(error)(scope, receive, send)
        else:
            await self._app(scope, _with_body(body, receive), send)

    def _refusal(self, error: A2AError) -> Response:
        if self._binding == "JSONRPC":
            return JSONResponse(build_error_response(None, error))
        payload = build_rest_error_payload(error)
        # The specification has 400 for a part's media type; for the body's own, HTTP has 415.
        status = 415 if isinstance(error, ContentTypeNotSupportedError) else payload["error"]["code"]
        return JSONResponse(payload, status_code=status)


def _knows_only_json(headers: Headers) -> bool:
    """Whether the client calls JSON by its general name alone: 1.0.0 has no other (11.1), and since 1.0.1 both will do,
    though application/a2a+json should be used."""
    accepted = headers.get("accept", "")
    is_sent = _media_type(headers.get("content-type", "")) == JSON
    return A2A_JSON_MEDIA_TYPE not in accepted and (is_sent or JSON in accepted)


def _calling_it_json(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type") == A2A_JSON_MEDIA_TYPE:
                headers["content-type"] = JSON
        await send(message)

    return sending


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _naming_extension(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)[HTTP_EXTENSION_HEADER] = EXTENSION
        await send(message)

    return sending


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None of a client that left."""
    chunks = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _with_body(body: bytes, receive: Receive) -> Receive:
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def body_error(body: bytes, content_type: str, values: int) -> A2AError | None:
    """Why the body can't be read without harm; None where the SDK will tell, or nothing is wrong."""
    media_type = _media_type(content_type)
    if body and media_type and media_type not in _JSON_TYPES:
        return ContentTypeNotSupportedError(message=f"the body is {media_type[:80]}, not {JSON}")
    if has_more_values(body, values):
        return InvalidRequestError(message=f"the body has more than {values:,} commas and colons between its values")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return InvalidRequestError(message=f"the body is not UTF-8: {error.reason} at byte {error.start}")
    # What neither is deep nor has long numbers is read once, by the SDK.
    if text.count("[") + text.count("{") > DEPTH or _LONG_NUMBER.search(text):
        return _unreadable(text)
    return None


def _unreadable(text: str) -> A2AError | None:
    try:
        json.loads(text)
    except RecursionError:
        return InvalidRequestError(message="the body is nested too deep")
    except json.JSONDecodeError:
        return None  # the SDK says so
    except ValueError as error:
        return InvalidRequestError(message=f"the body can't be read: {error}")
    return None
