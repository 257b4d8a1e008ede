"""Token counts before a call. An estimate: the model server's own count is the bill."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

import tiktoken

from shared.errors import ModelFileCorrupt

ENCODING_MODEL = "cl100k_base"
ENCODING_FILE = f"{ENCODING_MODEL}.tiktoken"
# How far the estimate may be above the truth. Measured: Qwen2.5's own count is 0.86 (Chinese), 1.02 to 1.04 (English,
# Python, catalogs) and 1.42 (times and addresses: it splits digits) of the estimate.
SURELY = 0.8
_TOKENS_A_MESSAGE = 4
# tiktoken's own pattern of cl100k_base (tiktoken_ext/openai_public.py), which loads its ranks from the network.
_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]"
    r"|\s+(?!\S)|\s"
)


@cache
def _encoding(path: Path) -> tiktoken.Encoding | None:
    if not path.is_file():
        return None
    pairs = (line.split() for line in path.read_bytes().splitlines() if line)
    try:
        ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    except ValueError as error:
        pull = f"remove it and run `lexiquery models pull {ENCODING_MODEL}`"
        raise ModelFileCorrupt(f"{path} is damaged", suggestion=pull) from error
    return tiktoken.Encoding("cl100k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens={})


def estimate_tokens(messages: list[dict[str, str]], models_path: Path) -> int | None:
    """About how many tokens a chat prompt has; None where the encoding's file is not in `models_path`.

    Raises ModelFileCorrupt, naming that file.
    """
    encoding = _encoding(models_path / ENCODING_FILE)
    if encoding is None:
        return None
    return sum(_TOKENS_A_MESSAGE + len(encoding.encode_ordinary(message["content"])) for message in messages)
