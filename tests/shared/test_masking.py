"""A masked text names nobody, and is otherwise what it was."""

from __future__ import annotations

import pytest

from shared.masking import mask, mask_all


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("sign-ins of alice.b@corp.example today", "sign-ins of <mail> today"),
        ("from 10.1.2.3 and 2001:db8::1 and fe80::1", "from <address> and <address> and <address>"),
        ("fe80:0:0:0:1:2:3:4 has 00:1A:2b:3c:4d:5e", "<address> has <address>"),
        ("device 3f2b8c1e-1a2b-4c3d-8e9f-0123456789ab", "device <id>"),
        ("file d41d8cd98f00b204e9800998ecf8427e ran", "file <id> ran"),
        (r"CORP\alice opened C:\Users\alice\a.txt", r"CORP\<user> opened C:\Users\<user>\a.txt"),
        ("/home/bob/x", "/home/<user>/x"),
        ("password=hunter2, Token: Bearer xyz; ok", "password=<secret>, Token: <secret>; ok"),
        ('{"db_password": "two words", "n": 1}', '{"db_password": <secret>, "n": 1}'),
        ("access_token='a b' DB_SECRET=x", "access_token=<secret> DB_SECRET=<secret>"),
        ("max_tokens=5, tokens: 812 in all", "max_tokens=5, tokens: 812 in all"),
        ("at 12:30:45 version 1.2.3 had 4 errors in x::y", "at 12:30:45 version 1.2.3 had 4 errors in x::y"),
        ("count(*) WHERE code = 'E1001' -- 2026-11-21", "count(*) WHERE code = 'E1001' -- 2026-11-21"),
    ],
)
def test_names_of_people_and_machines_are_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_long_text_is_masked_in_linear_time() -> None:
    for text in ("a" * 100_000, "token" * 20_000, "1." * 50_000, "a@" * 50_000):
        assert mask(text) == text


def test_every_text_within_a_json_value_is_masked_and_keys_stay() -> None:
    value = {"a@b.example": [{"content": "a@b.example"}, 7, None]}
    assert mask_all(value) == {"a@b.example": [{"content": "<mail>"}, 7, None]}
