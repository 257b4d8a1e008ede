"""Bearer tokens for Azure: one that a variable holds, or an application's own from Microsoft Entra ID."""

from __future__ import annotations

import time
from dataclasses import dataclass

from agents.data.connectors.credentials import filled, is_set
from agents.data.connectors.web import Web
from shared.errors import SourceUnavailable

AUTHORITY = "https://login.microsoftonline.com"
# A token that ends sooner is not used any more: the query would outlive it.
_LEAST_SECONDS = 120.0
_NAMES = ("tenant", "client", "secret")


@dataclass(frozen=True)
class Application:
    """What the connection's URL says, secrets by name. token: of a ready token, used where it is set."""

    token: str
    tenant: str
    client: str
    secret: str
    authority: str
    scope: str


class Tokens:
    """Keeps a token until shortly before its end."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._token = ""
        self._until = 0.0

    async def get(self, web: Web) -> str:
        """Raises InvalidInput for a variable that is not set, SourceUnavailable with Entra's words where it refuses."""
        app = self._application
        if is_set(app.token):
            return filled(app.token)
        if time.monotonic() < self._until - _LEAST_SECONDS:
            return self._token
        tenant, client, secret = (filled(getattr(app, name)) for name in _NAMES)
        form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret, "scope": app.scope}
        reply = await web.send("POST", f"{app.authority}/{tenant}/oauth2/v2.0/token", data=form)
        value = reply.value if isinstance(reply.value, dict) else {}
        if reply.status != 200 or not value.get("access_token"):
            said = str(value.get("error_description") or f"HTTP {reply.status}").splitlines()[0]
            raise SourceUnavailable(f"Microsoft Entra ID gives no token: {said}")
        self._token = str(value["access_token"])
        self._until = time.monotonic() + float(value.get("expires_in", 0))
        return self._token

    def forget(self) -> None:
        """The platform took the token for none."""
        self._until = 0.0
