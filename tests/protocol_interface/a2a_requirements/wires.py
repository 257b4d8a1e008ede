"""The three bindings at the level of the wire: one call with its parameters as JSON, for all of them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import grpc.aio  # type: ignore[import-untyped, unused-ignore]  # it ships no types
import httpx
from a2a.types import a2a_pb2
from a2a.types.a2a_pb2_grpc import A2AServiceStub
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

JSONRPC, REST = "/a2a/jsonrpc", "/a2a/rest"
V1 = {"A2A-Version": "1.0"}
REQUESTS: dict[str, type[Any]] = {
    "SendMessage": a2a_pb2.SendMessageRequest,
    "SendStreamingMessage": a2a_pb2.SendMessageRequest,
    "GetTask": a2a_pb2.GetTaskRequest,
    "ListTasks": a2a_pb2.ListTasksRequest,
    "CancelTask": a2a_pb2.CancelTaskRequest,
    "SubscribeToTask": a2a_pb2.SubscribeToTaskRequest,
    "CreateTaskPushNotificationConfig": a2a_pb2.TaskPushNotificationConfig,
    "GetTaskPushNotificationConfig": a2a_pb2.GetTaskPushNotificationConfigRequest,
    "ListTaskPushNotificationConfigs": a2a_pb2.ListTaskPushNotificationConfigsRequest,
    "DeleteTaskPushNotificationConfig": a2a_pb2.DeleteTaskPushNotificationConfigRequest,
    "GetExtendedAgentCard": a2a_pb2.GetExtendedAgentCardRequest,
}
STREAMS = ("SendStreamingMessage", "SubscribeToTask")


@dataclass
class Refused(Exception):
    """An error as a binding carries it. code: JSON-RPC's, HTTP's or gRPC's; details: each with its @type."""

    code: object
    message: str
    details: list[dict[str, Any]] = field(default_factory=list)

    @property
    def reason(self) -> str:
        infos = [one for one in self.details if one.get("@type", "").endswith("google.rpc.ErrorInfo")]
        return infos[0]["reason"] if infos else ""


class Wire(ABC):
    binding: str

    @abstractmethod
    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        """The result as JSON. Raises Refused."""

    @abstractmethod
    def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[dict[str, Any]]:
        """StreamResponses as JSON. Raises Refused."""


def _headers(given: dict[str, str]) -> dict[str, str]:
    return {**V1, **{name.replace("_", "-"): value for name, value in given.items()}}


@dataclass
class JsonRpc(Wire):
    http: httpx.AsyncClient
    binding = "JSONRPC"

    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": "1", "method": operation, "params": params or {}}
        return _result(await self.http.post(JSONRPC, json=body, headers=_headers(headers)))

    async def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[dict[str, Any]]:
        body = {"jsonrpc": "2.0", "id": "1", "method": operation, "params": params}
        async with self.http.stream("POST", JSONRPC, json=body, headers=_headers(headers)) as response:
            if "event-stream" not in response.headers["content-type"]:
                await response.aread()
                _result(response)
            async for event in _events(response):
                yield event["result"]


def _result(response: httpx.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise Refused(response.status_code, response.text)
    answered = response.json()
    if "error" in answered:
        error = answered["error"]
        raise Refused(error["code"], error["message"], error.get("data") or [])
    return dict(answered["result"] or {})


async def _events(response: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


@dataclass
class Rest(Wire):
    http: httpx.AsyncClient
    binding = "HTTP+JSON"

    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        method, path, body = rest_request(operation, dict(params or {}))
        response = await self.http.request(method, path, json=body, headers=_headers(headers))
        return _rest_result(response)

    async def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[dict[str, Any]]:
        method, path, body = rest_request(operation, dict(params))
        async with self.http.stream(method, path, json=body, headers=_headers(headers)) as response:
            if "event-stream" not in response.headers["content-type"]:
                await response.aread()
                _rest_result(response)
            async for event in _events(response):
                yield event


def rest_request(operation: str, params: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    """Method, address and body of an operation: the table of section 5.3."""
    if operation in ("SendMessage", "SendStreamingMessage"):
        return "POST", f"{REST}/message:{'send' if operation == 'SendMessage' else 'stream'}", params
    if operation == "GetExtendedAgentCard":
        return "GET", f"{REST}/extendedAgentCard", None
    if operation == "ListTasks":
        return "GET", f"{REST}/tasks{_query(params)}", None
    if operation in ("CancelTask", "SubscribeToTask"):
        verb = "cancel" if operation == "CancelTask" else "subscribe"
        return "POST", f"{REST}/tasks/{quote(params['id'])}:{verb}", {}
    if operation == "GetTask":
        return "GET", f"{REST}/tasks/{quote(params.pop('id'))}{_query(params)}", None
    return _of_configs(operation, params)


def _of_configs(operation: str, params: dict[str, Any]) -> tuple[str, str, dict[str, Any] | None]:
    configs = f"{REST}/tasks/{quote(params['taskId'])}/pushNotificationConfigs"
    if operation == "CreateTaskPushNotificationConfig":
        return "POST", configs, params
    if operation == "ListTaskPushNotificationConfigs":
        return "GET", configs, None
    method = "GET" if operation == "GetTaskPushNotificationConfig" else "DELETE"
    return method, f"{configs}/{quote(params['id'])}", None


def _query(params: dict[str, Any]) -> str:
    texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
    return f"?{urlencode(texts)}" if texts else ""


def _rest_result(response: httpx.Response) -> dict[str, Any]:
    if response.status_code >= 400:
        error = response.json().get("error", {})
        raise Refused(response.status_code, error.get("message", response.text), error.get("details", []))
    return dict(response.json())


@dataclass
class Grpc(Wire):
    channel: grpc.aio.Channel
    binding = "GRPC"

    def _rpc(self, operation: str, params: dict[str, Any] | None, headers: dict[str, str]) -> Any:
        method = getattr(A2AServiceStub(self.channel), operation)  # type: ignore[no-untyped-call]
        metadata = [(name.lower(), value) for name, value in _headers(headers).items()]
        return method(ParseDict(params or {}, REQUESTS[operation]()), metadata=metadata)

    async def call(self, operation: str, params: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
        try:
            answered = await self._rpc(operation, params, headers)
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from error
        bare = operation == "ListTasks"
        return dict(MessageToDict(answered, always_print_fields_with_no_presence=bare))

    async def stream(self, operation: str, params: dict[str, Any], **headers: str) -> AsyncIterator[dict[str, Any]]:
        rpc = self._rpc(operation, params, headers)
        try:
            async for event in rpc:
                yield MessageToDict(event)
        except grpc.aio.AioRpcError as error:
            raise _refused(error) from error
        finally:
            rpc.cancel()


def _refused(error: grpc.aio.AioRpcError) -> Refused:
    details: list[dict[str, Any]] = []
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for packed in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if packed.Unpack(info):
                    details.append({"@type": packed.type_url, **MessageToDict(info)})
    return Refused(error.code().name, error.details() or "", details)
