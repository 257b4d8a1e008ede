"""What a failing disk or database means to a user, and what is no failure of theirs."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database import _File, create_tables, open_database, storage_failure
from shared.errors import InvalidInput, LexiQueryError, StorageFailed
from shared.ledger import schema


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_an_error_of_the_disk_names_the_file(number: int) -> None:
    failure = storage_failure(OSError(number, os.strerror(number), "/data/lexiquery.db"))
    assert type(failure) is StorageFailed
    assert failure.message == f"can't use /data/lexiquery.db: {os.strerror(number)}"


@pytest.mark.parametrize(
    "error", [ConnectionResetError(errno.ECONNRESET, "reset"), TimeoutError(), FileNotFoundError(errno.ENOENT, "gone")]
)
def test_another_error_of_the_system_is_not_the_disks(error: OSError) -> None:
    failure = storage_failure(error)
    assert type(failure) is LexiQueryError
    assert type(error).__name__ in failure.message


async def test_a_database_that_is_not_there_is_named_without_its_password() -> None:
    engine = open_database("postgresql://lexiquery:secret@127.0.0.1:1/lexiquery")
    with pytest.raises(StorageFailed, match=r"can't reach the database .*127\.0\.0\.1:1") as raised:
        await create_tables(engine, schema)
    assert "secret" not in str(raised.value)
    await engine.dispose()


@pytest.mark.parametrize("url", ["junk", "mysql://u:secret@h/db", "postgresql://u:secret@h:port/db", "sqlite://h/x.db"])
def test_what_is_no_database_of_ours_is_said_without_its_password(url: str) -> None:
    with pytest.raises(InvalidInput, match="LEXIQUERY_DATABASE_URL") as raised:
        open_database(url)
    assert "secret" not in str(raised.value)
    assert "expected sqlite:///FILE or postgresql://" in str(raised.value)


async def test_a_connection_closed_amid_its_transaction_keeps_no_lock(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/a.db")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE calls (id)"))
    left = await engine.connect()
    driver = (await left.get_raw_connection()).driver_connection
    assert driver
    await driver.execute("INSERT INTO calls VALUES (1)")
    held = await driver.execute("SELECT 1 UNION SELECT 2")  # as a traceback holds it when the task was cancelled
    await left.invalidate()
    with closing(sqlite3.connect(tmp_path / "a.db", timeout=0)) as other:
        other.execute("INSERT INTO calls VALUES (2)")
        assert other.execute("SELECT id FROM calls").fetchall() == [(2,)]
    del held
    await engine.dispose()


def test_a_connection_whose_transaction_can_t_be_ended_is_closed_all_the_same(tmp_path: Path) -> None:
    class OnABrokenDisk(_File):
        def rollback(self) -> None:
            raise sqlite3.OperationalError("disk I/O error")

    connection = sqlite3.connect(tmp_path / "a.db", factory=OnABrokenDisk)
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
