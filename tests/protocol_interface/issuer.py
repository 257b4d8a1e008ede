"""An OAuth issuer: a key of its own, tokens that are signed with it, and its public keys as a JWKS."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

ISSUER = "https://id.example"


class Issuer:
    def __init__(self, name: str = "k1") -> None:
        self.name = name
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.fetched = 0

    @property
    def keys(self) -> dict[str, Any]:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key()))
        return {"keys": [{**public, "kid": self.name, "use": "sig", "alg": "ES256"}]}

    def file(self, folder: Path) -> str:
        path = folder / "jwks.json"
        path.write_text(json.dumps(self.keys))
        return str(path)

    def app(self) -> Starlette:
        async def jwks(_: Request) -> Response:
            self.fetched += 1
            return JSONResponse(self.keys)

        return Starlette(routes=[Route("/jwks", jwks)])

    def token(self, audience: str, scope: str = "read execute", **claims: Any) -> str:
        said = {"iss": ISSUER, "aud": audience, "sub": "ann", "scope": scope, "exp": time.time() + 600, **claims}
        return jwt.encode(said, self.private, algorithm="ES256", headers={"kid": self.name})
