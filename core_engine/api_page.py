"""The page at /docs: every route of the API, without a script or anything from another host."""

from __future__ import annotations

import re
from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{font:15px ui-monospace,monospace}td{padding:.2rem 1rem .2rem 0;vertical-align:top}"
)


def api_page(openapi: dict[str, Any]) -> str:
    """openapi: the document that /openapi.json answers."""
    rows = "".join(
        f"<tr><td>{method.upper()}</td><td><code>{escape(path)}</code></td><td>{_text(operation)}</td></tr>"
        for path, operations in openapi["paths"].items()
        for method, operation in operations.items()
    )
    title = escape(f"{openapi['info']['title']} {openapi['info']['version']}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f'<h1>{title}</h1><p>What each route takes and gives is in <a href="/openapi.json">openapi.json</a>; '
        f"errors are problem details (RFC 9457) with a stable <code>code</code>.</p><table>{rows}</table></html>"
    )


def _text(operation: dict[str, Any]) -> str:
    """As HTML: what docstrings have in backticks is code."""
    text = escape(str(operation.get("description") or operation.get("summary") or ""))
    return re.sub("`([^`]+)`", r"<code>\1</code>", text)
