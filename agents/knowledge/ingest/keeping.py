"""Who keeps the database, and who else sends documents: what each of them may say, and where theirs go.

Whoever may call the HTTP API sends documents by name. Where they lie on a disk is said by `lexiquery sop add` alone,
which reads them there: it signs its requests with a key that is kept in the database. The key itself is never sent.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count

from agents.knowledge.store.passages import Known
from shared.documents import IngestRequest
from shared.errors import Forbidden, InvalidInput

_UPLOAD = "upload:"
_MARK = 12


def is_upload(location: str) -> bool:
    return location.startswith(_UPLOAD)


def signed(request: IngestRequest, key: bytes) -> IngestRequest:
    """The request as one of who keeps the database."""
    return request.model_copy(update={"signature": _signature(request, key)})


def is_signed(request: IngestRequest, key: bytes) -> bool:
    """Raises Forbidden for the signature of another request or another database."""
    if request.signature is None:
        return False
    if hmac.compare_digest(request.signature.encode(), _signature(request, key).encode()):
        return True
    raise Forbidden(
        "the request is not signed with the key of this database",
        suggestion="let the command and the server use the same LEXIQUERY_DATABASE_URL and LEXIQUERY_DATA_DIR",
    )


def check_places(request: IngestRequest) -> None:
    """Raises Forbidden where a request that nobody signed speaks for folders."""
    if request.seen or request.folders or request.gone:
        raise Forbidden(
            "what lies in a folder is said by `lexiquery sop add` alone, which reads it there",
            suggestion="send documents by their filenames, and remove them by their names",
        )


@dataclass(frozen=True)
class Places:
    """Where what has no location of its own is kept: in the place of what it replaces, or in one of its own.

    known: what is there for the sender, by location; taken: every location. A new place has a mark that says nothing
    without the key, so that nobody learns from it whether something else goes by that name.
    """

    known: Mapping[str, Known]
    taken: Collection[str]
    key: bytes
    labels: frozenset[str]

    def of_upload(self, source: str) -> str:
        """Raises InvalidInput for the name of a document that came from elsewhere."""
        cited = self._cited.get(source, [])
        uploads = list(filter(is_upload, cited))
        if cited and not uploads:
            raise InvalidInput(
                f"a document of that name is read from {min(cited)}, and is not replaced by an upload",
                suggestion="change it there and add it again, or send this one under another name",
            )
        return self._nearest(uploads) or self._new(_UPLOAD, f":{source}")

    def of_url(self, url: str) -> str:
        """Of a web address without a fragment."""
        return self._nearest(self._cited.get(url, [])) or self._new(f"{url}#")

    @cached_property
    def _cited(self) -> dict[str, list[str]]:
        """Locations by source."""
        found: dict[str, list[str]] = defaultdict(list)
        for location, known in self.known.items():
            found[known.source].append(location)
        return found

    def _nearest(self, locations: Iterable[str]) -> str | None:
        """Of several, which others put there under other labels, that with the labels of the request."""

        def strangeness(location: str) -> tuple[bool, bool, str]:
            known = self.known[location]
            return set(known.given) != self.labels, bool(known.labels), location

        return min(locations, key=strangeness, default=None)

    def _new(self, before: str, after: str = "") -> str:
        """The same for requests that come at once."""
        for number in count():
            named = "\0".join((before, after, *sorted(self.labels), str(number)))
            place = f"{before}{hmac.digest(self.key, named.encode(), 'sha256').hex()[:_MARK]}{after}"
            if place not in self.taken:
                break
        return place


def _signature(request: IngestRequest, key: bytes) -> str:
    told = request.model_copy(update={"signature": None}).model_dump_json()
    return hmac.digest(key, told.encode(), "sha256").hex()
