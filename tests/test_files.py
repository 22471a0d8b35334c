"""Files that hold secrets: for their owner alone from the first byte, and whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tap_jira import files

LONG = b"x" * 5000


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def full_disk(room: int = 1000) -> Iterator[None]:
    """While inside, no file of this process can grow beyond ``room`` bytes."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_bytes(b"old")
    path.chmod(0o600)
    return path


def test_a_new_file(tmp_path: Path) -> None:
    """A new file holds what it should, for its owner alone, whatever the umask is."""
    with umask(0):
        files.create(tmp_path / "new", LONG)

    assert ((tmp_path / "new").read_bytes(), mode(tmp_path / "new")) == (LONG, 0o600)


def test_a_new_file_is_private_from_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can open the file before its content is there and keep it open."""
    seen = []
    write = files.write

    def watched(file: int, data: bytes) -> None:
        seen.append(stat.S_IMODE(os.fstat(file).st_mode))
        write(file, data)

    monkeypatch.setattr(files, "write", watched)
    with umask(0):
        files.create(tmp_path / "new", LONG)
        files.replace(tmp_path / "new", b"newer")

    assert seen == [0o600, 0o600]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_nothing_is_overwritten(tmp_path: Path, file: Path, kind: str) -> None:
    """A file that exists, or a link that leads nowhere yet, is left alone."""
    path = file if kind == "file" else tmp_path / "link"
    if kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        files.create(path, LONG)

    assert file.read_bytes() == b"old"
    assert not (tmp_path / "elsewhere").exists()


def test_a_full_disk_leaves_no_half_of_a_new_file(tmp_path: Path) -> None:
    """Where a new file does not fit, there is none."""
    with full_disk(), pytest.raises(OSError, match="too large"):
        files.create(tmp_path / "new", LONG)

    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, file: Path) -> None:
    """Where a new content does not fit, the old one stays, and nothing lies beside it."""
    with full_disk(), pytest.raises(OSError, match="too large"):
        files.replace(file, LONG)

    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"old", [file])


def test_a_replacement_that_fails_leaves_the_old_file(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system refuses to replace a file, as one that is mounted, the old one stays."""

    def refuse(*paths: object) -> None:
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="busy"):
        files.replace(file, LONG)

    assert (file.read_bytes(), list(tmp_path.iterdir())) == (b"old", [file])


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o600, 0o600), (0o640, 0o640), (0o660, 0o660), (0o400, 0o400), (0o644, 0o600), (0o664, 0o600), (0o604, 0o600)],
)
def test_the_mode_stays_unless_everybody_can_read(file: Path, before: int, after: int) -> None:
    """What everybody can read becomes the owner's alone, and that is told; any other mode stays."""
    file.chmod(before)
    narrowed = files.replace(file, LONG)

    assert (file.read_bytes(), mode(file), narrowed) == (LONG, after, before != after)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(file: Path) -> None:
    """An administrator who has a file replaced leaves it to whom it belongs."""
    os.chown(file, 12345, 54321)
    files.replace(file, LONG)

    assert (file.stat().st_uid, file.stat().st_gid) == (12345, 54321)


def test_a_link_stays_a_link(tmp_path: Path, file: Path) -> None:
    """Through a link, the file that it leads to is replaced."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = folder / "link.json"
    link.symlink_to(file)
    files.replace(link, LONG)

    assert (link.is_symlink(), file.read_bytes(), list(folder.iterdir())) == (True, LONG, [link])


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_in_the_way(tmp_path: Path, file: Path, kind: str) -> None:
    """What an interrupted run or somebody else left beside the file is neither followed nor written to."""
    part, other = tmp_path / "config.json.part", tmp_path / "other"
    other.write_bytes(b"other")
    part.symlink_to(other) if kind == "link" else os.link(other, part)
    files.replace(file, LONG)

    assert (file.read_bytes(), other.read_bytes(), part.exists()) == (LONG, b"other", False)
