"""Providers' keys at rest: encrypted, rotated without a gap, never shown."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateSchema, DropSchema
from structlog.testing import capture_logs

from shared.database import open_database
from shared.errors import AlreadyRunning, InvalidInput, ModelUnavailable, StorageFailed
from shared.ledger import schema
from shared.llm import keys as keys_module
from shared.llm.keys import Keys
from shared.settings import Settings

POSTGRESQL = "postgresql://root@127.0.0.1/test"
KEY = "sk-secret-1"


@pytest.fixture
def keys(engine: AsyncEngine, settings: Settings) -> Keys:
    return Keys(engine, settings)


async def stored(engine: AsyncEngine) -> dict[str, Any]:
    async with engine.connect() as connection:
        return dict((await connection.execute(text("SELECT * FROM provider_keys"))).mappings().one())


async def test_a_key_comes_back_and_stands_nowhere_in_clear(
    keys: Keys, engine: AsyncEngine, settings: Settings
) -> None:
    assert await keys.get("vllm") is None
    assert not settings.key_path.exists()
    await keys.set("vllm", "sk-first")
    await keys.set("vllm", KEY)
    assert (await keys.get("vllm"), await keys.names()) == (KEY, ["vllm"])
    row = await stored(engine)
    assert (row["name"], KEY in str(row), KEY in repr(vars(keys)), len(row["key_id"])) == ("vllm", False, False, 16)
    assert stat.S_IMODE(settings.key_path.stat().st_mode) == 0o600
    assert [KEY.encode() in file.read_bytes() for file in settings.data_dir.iterdir()].count(True) == 0


async def test_a_removed_key_is_gone(keys: Keys) -> None:
    await keys.set("vllm", KEY)
    assert [await keys.remove("vllm"), await keys.remove("vllm"), await keys.get("vllm")] == [True, False, None]


@pytest.mark.parametrize("key", ["", "two words", "one\nline", "schlüssel", "x" * 5000])
async def test_what_no_header_can_hold_is_refused_and_not_repeated(keys: Keys, key: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        await keys.set("vllm", key)
    assert not key or key not in str(raised.value)


async def test_rotation_encrypts_everything_with_a_new_key(keys: Keys, engine: AsyncEngine, settings: Settings) -> None:
    await keys.set("vllm", KEY)
    before, old = await stored(engine), settings.key_path.read_text()
    assert await keys.rotate() == 1
    after, new = await stored(engine), settings.key_path.read_text()
    assert await keys.get("vllm") == KEY
    assert (before["key_id"] != after["key_id"], before["created_at"]) == (True, after["created_at"])
    assert (old != new, len(new.split()), stat.S_IMODE(settings.key_path.stat().st_mode)) == (True, 1, 0o600)
    Fernet(new.strip()).decrypt(after["token"])


class Died(BaseException):
    """The process, at that moment."""


@pytest.mark.parametrize("writes", [1, 2], ids=["before the rows", "after the rows"])
async def test_a_crash_in_the_middle_of_a_rotation_loses_nothing(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    left, write, encrypt = [writes], keys_module._write, Keys._encrypt_again

    def dies_on_its_last(path: Path, ring: list[str]) -> None:
        left[0] -= 1
        if writes == 2 and not left[0]:
            raise Died
        write(path, ring)

    async def dies(self: Keys, ring: list[str]) -> int:
        if writes == 1:
            raise Died
        return await encrypt(self, ring)

    await keys.set("vllm", KEY)
    with monkeypatch.context() as patched:
        patched.setattr(keys_module, "_write", dies_on_its_last)
        patched.setattr(Keys, "_encrypt_again", dies)
        with pytest.raises(Died):
            await keys.rotate()
    assert await keys.get("vllm") == KEY
    await keys.set("other", "sk-2")
    assert await keys.rotate() == 2
    assert [await keys.get("vllm"), await keys.get("other")] == [KEY, "sk-2"]


async def test_a_rotation_that_ends_while_a_key_is_read_is_not_noticed(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.set("vllm", KEY)
    stale = keys._ring()
    await keys.rotate()
    ring, reads = keys._ring, iter([stale])
    monkeypatch.setattr(keys, "_ring", lambda: next(reads, None) or ring())
    assert await keys.get("vllm") == KEY


async def test_a_lost_key_file_is_named(keys: Keys, settings: Settings) -> None:
    await keys.set("vllm", KEY)
    settings.key_path.unlink()
    with pytest.raises(ModelUnavailable, match="can't be decrypted") as raised:
        await keys.get("vllm")
    assert str(settings.key_path) in str(raised.value)
    settings.key_path.write_text(f"{Fernet.generate_key().decode()}\n")
    with pytest.raises(ModelUnavailable, match="lexiquery providers set-key vllm"):
        await keys.rotate()


def given(settings: Settings, *ring: str) -> Settings:
    return settings.model_copy(update={"secret_key": SecretStr(",".join(ring))})


async def test_a_key_of_the_environment_is_rotated_by_putting_a_new_one_before_it(
    engine: AsyncEngine, settings: Settings
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    await Keys(engine, given(settings, old)).set("vllm", KEY)
    with pytest.raises(InvalidInput, match="NEW,OLD"):
        await Keys(engine, given(settings, old)).rotate()
    assert await Keys(engine, given(settings, new, old)).rotate() == 1
    assert await Keys(engine, given(settings, new)).get("vllm") == KEY
    assert not settings.key_path.exists()


@pytest.mark.parametrize("wrong", ["short", " , "])
async def test_what_is_no_fernet_key_is_refused_and_not_repeated(
    engine: AsyncEngine, settings: Settings, wrong: str
) -> None:
    with pytest.raises(InvalidInput, match=r"LEXIQUERY_SECRET_KEY (holds no Fernet key|is empty)") as raised:
        await Keys(engine, given(settings, wrong)).set("vllm", KEY)
    assert "short" not in str(raised.value)


async def test_a_place_that_can_t_be_written_is_named(engine: AsyncEngine, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    nowhere = settings.model_copy(update={"key_file": tmp_path / "file" / "secret.key"})
    with pytest.raises(StorageFailed, match=r"secret\.key"):
        await Keys(engine, nowhere).set("vllm", KEY)


async def test_only_one_process_changes_keys_at_a_time(
    keys: Keys, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys_module, "_LOCK_SECONDS", 0.0)
    async with keys._alone():
        with pytest.raises(AlreadyRunning, match="another command"):
            await Keys(keys._engine, settings).set("vllm", KEY)


async def test_keys_are_kept_on_postgresql_too(settings: Settings) -> None:
    place = f"lexiquery_{uuid4().hex}"
    opened = open_database(POSTGRESQL)
    inside = opened.execution_options(schema_translate_map={None: place})
    try:
        async with opened.begin() as connection:
            await connection.execute(CreateSchema(place))
    except (DBAPIError, OSError) as error:
        pytest.skip(f"no PostgreSQL at {POSTGRESQL}: {error}")
    try:
        async with inside.begin() as connection:
            await connection.run_sync(schema.create_all, tables=[schema.tables["provider_keys"]])
        keys = Keys(inside, settings)
        await keys.set("vllm", KEY)
        assert [await keys.rotate(), await keys.get("vllm"), await keys.names()] == [1, KEY, ["vllm"]]
    finally:
        async with opened.begin() as connection:
            await connection.execute(DropSchema(place, cascade=True))
        await opened.dispose()


async def test_a_key_file_that_others_may_read_is_warned_of(keys: Keys, settings: Settings) -> None:
    await keys.set("vllm", KEY)
    settings.key_path.chmod(0o644)
    with capture_logs() as logs:
        assert await keys.get("vllm") == KEY
    assert [(line["log_level"], line["mend"]) for line in logs] == [("warning", f"chmod 600 {settings.key_path}")]
