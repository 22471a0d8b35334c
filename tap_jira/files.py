"""Write files that hold secrets: never readable by others for a moment, and whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


def create(path: Path, data: bytes) -> None:
    """Make a file for its owner alone; OSError, FileExistsError among them, and nothing is left, if that cannot be."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        write(file, data)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    sync_folder(path)


def replace(path: Path, data: bytes) -> bool:
    """Put ``data`` in the place of a file, at once; OSError if that cannot be, and the file is as it was.

    Its owner, group and mode stay. But what everybody could read becomes its owner's alone, and so does a file whose
    group is not ours to keep: True then.
    """
    # Through a link, so that what is replaced is the file it leads to and not the link.
    path = Path(os.path.realpath(path))
    about = path.stat()
    mode = stat.S_IMODE(about.st_mode)
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        kept = mode if _give(file, about) and not mode & stat.S_IRWXO else stat.S_IRUSR | stat.S_IWUSR
        os.fchmod(file, kept)
        write(file, data)
        part.replace(path)
    finally:
        os.close(file)
        part.unlink(missing_ok=True)
    sync_folder(path)
    return kept != mode


def _give(file: int, to: os.stat_result) -> bool:
    """Whether the open file could be given to this owner and group, which it has already if they are ours."""
    try:
        os.fchown(file, to.st_uid, to.st_gid)
    except PermissionError:
        return False
    return True


def write(file: int, data: bytes) -> None:
    """Put ``data`` in place of what the open file held, down to the disk; OSError if it cannot be written whole."""
    os.ftruncate(file, 0)
    os.lseek(file, 0, os.SEEK_SET)
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def sync_folder(path: Path) -> None:
    """Bring the new name of a file to the disk too; some file systems refuse it, and the file is kept all the same."""
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
