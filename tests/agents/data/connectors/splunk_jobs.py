"""A Splunk that keeps one search job, as its REST API reference says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from tests.agents.data.connectors.platforms import Reply, Request

SID = "1762990291.42_A5F1"
JOBS = "/services/search/v2/jobs"
EVENTS = [{"_time": "2026-03-10T08:00:00.000+00:00", "_bkt": "main~1", "host": "web-1", "n": str(n)} for n in range(9)]
FIELDS = [{"name": "_bkt"}, {"name": "_time"}, {"name": "host"}, {"name": "n"}, {"name": "tags"}]


@dataclass
class Jobs:
    """One job. states: what it says of itself one after another, the last for ever; page: the most results given at
    once; waiting: set when it was asked about itself."""

    states: list[dict[str, Any]] = field(default_factory=lambda: [{"dispatchState": "DONE", "messages": []}])
    results: list[dict[str, Any]] = field(default_factory=lambda: EVENTS)
    created: Reply = field(default_factory=lambda: Reply({"sid": SID}, 201))
    page: int = 50_000
    jobs: str = JOBS
    seen: list[Request] = field(default_factory=list)
    waiting: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: Request) -> Reply:
        self.seen.append(request)
        if (request.method, request.path) == ("POST", self.jobs):
            return self.created
        if request.path == f"{self.jobs}/{SID}":
            self.waiting.set()
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return Reply(None, 204, raw=b"") if not state else Reply({"entry": [{"name": "search", "content": state}]})
        if request.path == f"{self.jobs}/{SID}/control" and request.body["action"] == "cancel":
            self.cancelled.set()
            return Reply({"messages": [{"type": "INFO", "text": "Search job cancelled."}]})
        if request.path == f"{self.jobs}/{SID}/results":
            start, count = int(request.query["offset"]), min(self.page, int(request.query["count"]))
            found = self.results[start : start + count]
            head = {"preview": False, "init_offset": start, "messages": []}
            return Reply({**head, "fields": FIELDS, "results": found, "highlighted": {}})
        return Reply({"messages": [{"type": "ERROR", "text": "Not Found"}]}, 404)
