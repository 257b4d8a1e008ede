"""Documents from the web: of listed hosts, not led elsewhere, bounded, and read again only when they changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

import pytest

from agents.knowledge import documents
from agents.knowledge.ingest.importing import import_documents
from agents.knowledge.ingest.web import ListedHosts
from agents.knowledge.library import Library
from shared.documents import IngestRequest
from shared.errors import InvalidInput, SourceUnavailable

LOOPBACK = ListedHosts([ip_network("127.0.0.1/32")])
PAGE = b"<h1>VPN</h1><p>Restart the tunnel on gateway vpn-gw-1.</p>"
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/vpn": (200, {"Content-Type": "text/html; charset=utf-8", "ETag": '"1"'}, PAGE),
    "/raw/vpn.md": (200, {"Content-Type": "text/plain"}, b"# VPN"),
    "/notes": (200, {"Content-Type": "text/plain"}, b"VPN"),
    "/a.zip": (200, {"Content-Type": "application/zip"}, b"PK"),
    "/packed": (200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}, b"\x1f\x8b"),
    "/gone": (404, {}, b""),
    "/moved": (302, {"Location": "/vpn"}, b""),
    "/around": (302, {"Location": "/around"}, b""),
    "/away": (302, {"Location": "http://10.0.0.7:9/x"}, b""),
    "/inside": (302, {"Location": "file:///etc/passwd"}, b""),
}


class Wiki(BaseHTTPRequestHandler):
    asked: list[tuple[str, str | None]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["If-None-Match"]))
        status, headers, body = ANSWERS[self.path]
        if headers.get("ETag") and self.headers["If-None-Match"] == headers["ETag"]:
            status, body = 304, b""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def wiki() -> Iterator[str]:
    Wiki.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wiki)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "name"), [("/vpn", "vpn.html"), ("/moved", "vpn.html"), ("/raw/vpn.md", "vpn.md"), ("/notes", "notes.txt")]
)
async def test_the_format_is_what_the_server_says_else_the_ending(wiki: str, path: str, name: str) -> None:
    fetched = await LOOPBACK.fetch(wiki + path, None)
    assert fetched
    assert fetched.name == name


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/a.zip", "it is application/zip, which nothing here reads"),
        ("/packed", "it came packed"),
        ("/gone", "answered 404"),
        ("/around", "leads on and on"),
        ("/away", "documents are not read from '10.0.0.7'; allow it by LEXIQUERY_DOCUMENT_HOSTS=10.0.0.7"),
        ("/inside", "is no web address"),
    ],
)
async def test_what_is_no_document_of_a_listed_host_is_refused(wiki: str, path: str, message: str) -> None:
    with pytest.raises((InvalidInput, SourceUnavailable)) as caught:
        await LOOPBACK.fetch(wiki + path, None)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("hosts", "url", "message"),
    [
        ([], "http://127.0.0.1:9/x", "documents are not read from '127.0.0.1'"),
        (["wiki.example"], "http://127.0.0.1:9/x", "documents are not read from '127.0.0.1'"),
        ([ip_network("169.254.0.0/16")], "http://169.254.169.254/", "where clouds hand out a machine's credentials"),
        (["localhost"], "http://user:secret@localhost/", "a web address with a password"),
        (["localhost"], "ftp://localhost/x.md", "is no web address"),
        ([ip_network("127.0.0.0/8")], "http://[::ffff:10.0.0.7]/", "documents are not read from"),
    ],
)
async def test_no_connection_is_made_to_what_is_not_listed(hosts: list[object], url: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await ListedHosts(hosts).fetch(url, None)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_document_too_large_is_not_read_to_its_end(wiki: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_BYTES", 10)
    with pytest.raises(InvalidInput, match="more than the 10 a document may have"):
        await LOOPBACK.fetch(f"{wiki}/vpn", None)


async def test_what_did_not_change_is_not_read_again(wiki: str, library: Library) -> None:
    url, missing = f"{wiki}/vpn", f"{wiki}/gone"
    request = IngestRequest(urls=[url, missing], labels=["team-a"])
    first = await import_documents(request, library, web=LOOPBACK)
    second = await import_documents(request, library, web=LOOPBACK)
    assert (first.added, second.unchanged) == ([url], [url])
    assert [failure.source for failure in first.failed] == [missing]
    assert [asked for asked in Wiki.asked if asked[0] == "/vpn"] == [("/vpn", None), ("/vpn", '"1"')]
    [document] = await library.documents()
    assert (document.source, document.title, document.labels) == (url, "VPN", ["team-a"])
