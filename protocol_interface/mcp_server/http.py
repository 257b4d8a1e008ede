"""MCP on streamable HTTP: one endpoint of a host application, and who may reach it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from urllib.parse import urlsplit

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser, BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.routes import build_resource_metadata_url, create_protected_resource_routes
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials
from starlette.datastructures import Headers
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from protocol_interface.mcp_server.oauth import EXECUTE, READ, IssuerKeys, Tokens
from protocol_interface.mcp_server.server import LexiQueryServer, build_mcp
from protocol_interface.product import Product
from shared.auth import KeyCheck
from shared.errors import ForeignOrigin, InvalidInput
from shared.problems import error_response
from shared.settings import Settings
from shared.telemetry import Telemetry

PATH = "/mcp"


def mount_mcp(
    host: Starlette, product: Product, telemetry: Telemetry | None = None, *, settings: Settings, url: str
) -> AbstractAsyncContextManager[None]:
    """Serve the product by streamable HTTP; see mount_server. telemetry: told how long requests took."""
    return mount_server(host, build_mcp(product, telemetry, secret=settings.api_key), settings=settings, url=url)


def mount_server(
    host: Starlette, server: LexiQueryServer, *, settings: Settings, url: str
) -> AbstractAsyncContextManager[None]:
    """Serve streamable HTTP at exactly PATH of a host application that clients reach at `url`.

    Returns the context that the host's lifespan must be in while it serves; it can be entered once. Raises InvalidInput
    for settings of OAuth that don't go together.
    """
    # The host's check of the name that it is called by (shared/serving.py), or its API key, covers this path too.
    own = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server.streamable_http_app(transport_security=own, max_sessions=settings.mcp_sessions)
    endpoint: ASGIApp = StreamableHTTPASGIApp(server.session_manager)
    if settings.oauth_issuer:
        endpoint = _guarded(endpoint, settings, resource(settings, url))
        host.router.routes.extend(_metadata(settings, resource(settings, url)))
    host.router.routes.append(Route(PATH, endpoint=Trimmed(OwnPagesOnly(endpoint, url=url))))
    return server.session_manager.run()


def open_paths(settings: Settings, url: str) -> frozenset[str]:
    """Paths that look after who may use them themselves, or that a client needs before it has a token."""
    if not settings.oauth_issuer:
        return frozenset()
    return frozenset({PATH, urlsplit(str(build_resource_metadata_url(resource(settings, url)))).path})


def resource(settings: Settings, url: str) -> AnyHttpUrl:
    """What OAuth calls this server: the address of its endpoint."""
    return AnyHttpUrl(url.rstrip("/") + PATH)


class Trimmed:
    """Takes the blanks around headers' values away, as RFC 9110 (5.5) wants: uvicorn's faster parser leaves them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        await self._app({**scope, "headers": headers}, receive, send)


class OwnPagesOnly:
    """Refuses what a page of another site sent, as the specification of MCP asks; other programs send no Origin."""

    def __init__(self, app: ASGIApp, *, url: str) -> None:
        self._app = app
        parts = urlsplit(url)
        self._origin = f"{parts.scheme}://{parts.netloc}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        own = {self._origin, *(f"{scheme}://{headers.get('host', '')}" for scheme in ("http", "https"))}
        if origin is None or origin in own:
            await self._app(scope, receive, send)
        else:
            foreign = ForeignOrigin(f"pages of '{origin[:200]}' may not use this server")
            await error_response(foreign, scope["path"])(scope, receive, send)


class KeyOrToken(BearerAuthBackend):
    """Lets in who carries the API key or a token."""

    def __init__(self, tokens: Tokens, key: str) -> None:
        super().__init__(tokens)
        self._check = KeyCheck(key)

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, AuthenticatedUser] | None:
        given = (conn.headers.get("authorization", ""), conn.headers.get("x-api-key", ""))
        if self._check.allows(*given):
            allowed = AccessToken(token="", client_id="api-key", scopes=[READ, EXECUTE])
            return AuthCredentials(allowed.scopes), AuthenticatedUser(allowed)
        found: tuple[AuthCredentials, AuthenticatedUser] | None = await super().authenticate(conn)
        return found


def _guarded(endpoint: ASGIApp, settings: Settings, resource: AnyHttpUrl) -> ASGIApp:
    if settings.api_key is None:
        raise InvalidInput(
            "LEXIQUERY_OAUTH_ISSUER is set without LEXIQUERY_API_KEY: tokens guard /mcp alone, and everybody could "
            "use the other routes",
            suggestion="set LEXIQUERY_API_KEY",
        )
    if not settings.oauth_keys:
        raise InvalidInput("LEXIQUERY_OAUTH_ISSUER is set, but not where its keys are: set LEXIQUERY_OAUTH_KEYS")
    tokens = Tokens(
        issuer=settings.oauth_issuer or "",
        audience=settings.oauth_audience or str(resource),
        keys=IssuerKeys(settings.oauth_keys),
    )
    backend = KeyOrToken(tokens, settings.api_key.get_secret_value())
    wanting = RequireAuthMiddleware(endpoint, [READ], build_resource_metadata_url(resource))
    return AuthenticationMiddleware(AuthContextMiddleware(wanting), backend=backend)


def _metadata(settings: Settings, resource: AnyHttpUrl) -> list[Route]:
    """RFC 9728: where clients learn who gives tokens for this server, and with which scopes."""
    issuer = AnyHttpUrl(settings.oauth_issuer or "")
    return create_protected_resource_routes(resource, [issuer], [READ, EXECUTE], resource_name="LexiQuery")
