"""The keys of providers, encrypted at rest (Fernet: AES-128-CBC with HMAC-SHA256).

What encrypts them lies beside the database, not in it: in LEXIQUERY_KEY_FILE, or in LEXIQUERY_SECRET_KEY. Processes
that share a database share that file. No key is logged, nor in an error.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from filelock import AsyncFileLock, Timeout
from sqlalchemy import Column, String, Table, Text, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import AlreadyRunning, InvalidInput, LexiQueryError, ModelUnavailable, StorageFailed
from shared.ledger.tables import UtcDateTime, schema
from shared.settings import Settings

log = structlog.get_logger(__name__)
_keys = Table(
    "provider_keys",
    schema,
    Column("name", String(32), primary_key=True),
    Column("token", Text, nullable=False, comment="Fernet's, of the provider's key"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("key_id", String(16), nullable=False, comment="of the Fernet key: the first of its SHA-256"),
)
_A_KEY = re.compile(r"[\x21-\x7e]{1,4096}")
"""What an HTTP header can hold, without blanks."""
_NEW_KEY = 'python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
_LOCK_SECONDS = 10.0


class Keys:
    """A provider's key by the provider's name. Rotation may go on in another process meanwhile."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    async def set(self, name: str, key: str) -> None:
        """Keep the key, instead of the one before. Raises InvalidInput for what can't be a key, StorageFailed."""
        if not _A_KEY.fullmatch(key):
            raise InvalidInput("that is no key: expected one word of ASCII characters, and nothing else")
        async with self._alone():
            ring = self._ring() or self._first()
            row = {"name": name, "token": Fernet(ring[0]).encrypt(key.encode()).decode(), "key_id": _id(ring[0])}
            async with self._engine.begin() as connection:
                await connection.execute(delete(_keys).where(_keys.c.name == name))
                await connection.execute(insert(_keys).values(**row, created_at=datetime.now(UTC)))

    async def get(self, name: str) -> str | None:
        """None when there is none. Raises ModelUnavailable when it can't be decrypted."""
        # Twice: between reading the row and reading the file, a rotation may have ended.
        for _ in range(2):
            async with self._engine.connect() as connection:
                token = await connection.scalar(select(_keys.c.token).where(_keys.c.name == name))
            if token is None:
                return None
            try:
                return _opened(token, self._ring())
            except InvalidToken:
                continue
            except LexiQueryError as error:  # the file is damaged or can't be read: another provider may answer
                raise ModelUnavailable(error.message, suggestion=error.suggestion) from error
        raise self._unreadable(name)

    async def remove(self, name: str) -> bool:
        """Whether there was one."""
        async with self._engine.begin() as connection:
            gone = await connection.execute(delete(_keys).where(_keys.c.name == name))
            return gone.rowcount > 0

    async def names(self) -> list[str]:
        """The providers that have a key."""
        async with self._engine.connect() as connection:
            return list(await connection.scalars(select(_keys.c.name).order_by(_keys.c.name)))

    async def rotate(self) -> int:
        """Encrypt everything with a new Fernet key; the number of providers' keys.

        The file holds both until the last row is written, so that a crash in between loses nothing. With
        LEXIQUERY_SECRET_KEY the operator makes the new key: raises InvalidInput when it stands alone.
        """
        async with self._alone():
            if self._settings.secret_key is not None:
                return await self._rotate_given(self._ring())
            both = [Fernet.generate_key().decode(), *self._ring()]
            _write(self._settings.key_path, both)
            count = await self._encrypt_again(both)
            _write(self._settings.key_path, both[:1])
            return count

    async def _rotate_given(self, ring: Sequence[str]) -> int:
        if len(ring) == 1:
            raise InvalidInput(
                "LEXIQUERY_SECRET_KEY holds one key, so there is none to change to",
                suggestion=f"put a new one before it, as NEW,OLD; `{_NEW_KEY}` makes one",
            )
        return await self._encrypt_again(ring)

    async def _encrypt_again(self, ring: Sequence[str]) -> int:
        """Every row with the first of `ring`, in one transaction."""
        async with self._engine.begin() as connection:
            rows = (await connection.execute(select(_keys.c.name, _keys.c.token).with_for_update())).all()
            for name, token in rows:
                try:
                    fresh = _multi(ring).rotate(token).decode()
                except InvalidToken as error:
                    raise self._unreadable(name) from error
                changed = update(_keys).where(_keys.c.name == name)
                await connection.execute(changed.values(token=fresh, key_id=_id(ring[0])))
        return len(rows)

    def _ring(self) -> list[str]:
        """The Fernet keys, the first of which encrypts; none when there is no file yet. Raises InvalidInput."""
        given = self._settings.secret_key
        if given is not None:
            return _checked(given.get_secret_value().split(","), "LEXIQUERY_SECRET_KEY")
        path = self._settings.key_path
        try:
            if path.stat().st_mode & 0o077:
                log.warning("others may read the key of the providers' keys", file=str(path), mend=f"chmod 600 {path}")
            return _checked(path.read_text(encoding="ascii", errors="replace").split(), str(path))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageFailed(f"can't read {path}: {error.strerror or error}") from error

    def _first(self) -> list[str]:
        made = [Fernet.generate_key().decode()]
        _write(self._settings.key_path, made)
        return made

    def _unreadable(self, name: str) -> LexiQueryError:
        where = "LEXIQUERY_SECRET_KEY" if self._settings.secret_key else str(self._settings.key_path)
        return ModelUnavailable(
            f"the key of the provider '{name}' can't be decrypted: it was encrypted with another than {where}",
            suggestion=f"bring that back, or set the provider's key again by `lexiquery providers set-key {name}`",
        )

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Of those that write keys, one process at a time: what is set with the old key would miss the rotation."""
        lock = AsyncFileLock(self._settings.data_dir / "keys.lock", timeout=_LOCK_SECONDS)
        try:
            self._settings.data_dir.mkdir(parents=True, exist_ok=True)
            await lock.acquire()
        except Timeout as error:
            raise AlreadyRunning("another command is changing the providers' keys", suggestion="wait for it") from error
        except OSError as error:
            raise StorageFailed(f"can't write {lock.lock_file}: {error.strerror or error}") from error
        try:
            yield
        finally:
            await lock.release()


def _opened(token: str, ring: Sequence[str]) -> str:
    if not ring:
        raise InvalidToken
    return _multi(ring).decrypt(token).decode()


def _multi(ring: Sequence[str]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in ring])


def _id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _checked(keys: Sequence[str], where: str) -> list[str]:
    """Raises InvalidInput when one of them is no Fernet key; it is not repeated."""
    found = [key.strip() for key in keys if key.strip()]
    try:
        for key in found:
            Fernet(key)
    except ValueError as error:
        raise InvalidInput(f"{where} holds no Fernet key", suggestion=f"`{_NEW_KEY}` makes one") from error
    if not found:
        raise InvalidInput(f"{where} is empty", suggestion=f"`{_NEW_KEY}` makes a key")
    return found


def _write(path: Path, keys: Sequence[str]) -> None:
    """All or nothing, for the owner's eyes only."""
    target = path.resolve()
    new = target.with_name(f".{target.name}.{uuid.uuid4().hex}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write("".join(f"{key}\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, target)
    except OSError as error:
        with suppress(OSError):  # the error that led here says more
            new.unlink()
        raise StorageFailed(f"can't write {path}: {error.strerror or error}") from error
