"""Snapshots as files: written whole or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from crossmargin._arguments import shown
from crossmargin.errors import ArgumentError, SnapshotError

try:
    import fcntl
except ImportError:  # no such locks there
    fcntl = None  # type: ignore[assignment]

_FOLDERS_SYNC = os.name == "posix"
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_MODE = 0o666


def path_of(value: Any, name: str = "path") -> Path:
    """Take a path."""
    if isinstance(value, (str, os.PathLike)):
        with suppress(TypeError, ValueError):
            path = Path(value)
            if "\0" not in str(path):
                return path
    raise ArgumentError(f"{name} was {shown(value)}, expected a path")


def write_whole(file: Path, data: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one.

    The bytes go to a file beside it, which is flushed to the disk and then takes its name; the folder is flushed last.
    What a crash leaves behind is written over by the next call.

    Raises
    ------
    SnapshotError
        Where another writer is at it.
    OSError
        Where it cannot be written; the old file is as it was.
    """
    file = Path(os.path.realpath(file))
    partial = file.with_name(f".{file.name}.partial")
    descriptor = _opened(partial)
    try:
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
            partial.replace(file)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise
    finally:
        os.close(descriptor)
    _sync_folder(file.parent)


def _opened(partial: Path) -> int:
    """Open the file beside, which no other writer has; one that a crash left behind is emptied."""
    while True:
        descriptor = os.open(partial, _FLAGS, _MODE)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                # it may have got its final name between the two calls: then it is a snapshot, not to be touched
                if not _is_named(descriptor, partial):
                    os.close(descriptor)
                    continue
            os.ftruncate(descriptor, 0)
        except BlockingIOError:
            os.close(descriptor)
            raise SnapshotError(f"{partial} is being written by another process or thread; wait for it") from None
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    if _FOLDERS_SYNC:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
