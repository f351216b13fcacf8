"""The temporary folder of a private Ray: its sockets, logs and token, open to this user only."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PREFIX: Final = "inspector-ray-"
LOCK_FILE: Final = "lock"
# a socket's path may have 107 bytes; Ray adds /session_<time>_<pid>/sockets/plasma_store
MAX_PATH_BYTES: Final = 38
KEPT_FOLDERS: Final = 1  # of services that crashed: the logs of the last one explain it


@contextmanager
def ray_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder for the length of the block, mode 0700. After an error it stays, because its logs explain it.

    The next service removes what crashed ones left, except the newest.
    """
    parent = _short(parent or Path(tempfile.gettempdir()))
    _remove_left_behind(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # mkdtemp: mode 0700, and a name that nobody can guess
    with (folder / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _short(parent: Path) -> Path:
    return parent if len(os.fsencode(parent)) + len(PREFIX) + 9 <= MAX_PATH_BYTES else Path("/tmp")


def _remove_left_behind(parent: Path) -> None:
    unused = [folder for folder in parent.glob(f"{PREFIX}*") if _is_unused(folder)]
    unused.sort(key=lambda folder: folder.lstat().st_mtime, reverse=True)
    for folder in unused[KEPT_FOLDERS:]:
        shutil.rmtree(folder, ignore_errors=True)


def _is_unused(folder: Path) -> bool:
    """Whether this user made the folder, and the service that used it has ended: it held the lock."""
    try:
        if folder.lstat().st_uid != os.getuid() or folder.is_symlink():
            return False
        with (folder / LOCK_FILE).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
