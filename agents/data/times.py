"""Whether a question speaks of a time: told today's date where none is asked for, a small model filters on it."""

from __future__ import annotations

import re

_TIME = re.compile(
    r"""\b(?:
        today | yesterday | tonight | now | currently | ago | since | until | recent(?:ly)? | latest | midnight | noon
      | (?:last|past|previous|this|next|current)\s+(?:\w+\s+)?
        (?:second|minute|hour|day|night|week|weekend|month|quarter|year)s?
      | (?:mon|tues|wednes|thurs|fri|satur|sun)day
      | (?:january|february|march|april|june|july|august|september|october|november|december)
      | (?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)\.?\s+\d{1,4} | \d{1,2}(?:st|nd|rd|th)?\s+(?:of\s+)?may
      | in\s+may | q[1-4]
      | \d{4}-\d{2}(?:-\d{2})? | \d{1,2}[./]\d{1,2}[./]\d{2,4} | (?:19|20)\d{2} | \d{1,2}:\d{2}
      | \d+\s*(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


def speaks_of_time(question: str) -> bool:
    """`failed sign-ins in the last week`, `on 10 March`, `since Monday`; not `requests per day`."""
    return bool(_TIME.search(question))
