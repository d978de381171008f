"""Files of a server: written whole, owned by the user who reads them, never through somebody else's link."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from growsoft.postgres.users import ServiceUser


def write_file(path: Path, text: str, user: ServiceUser | None, mode: int = 0o600) -> None:
    """Replace a file in one step, so that a reader sees the old text or the new one.

    The folder may belong to the service user: a new name opened exclusively follows no link that it left there.
    """
    fresh = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            give(descriptor, user)
            os.fchmod(descriptor, mode)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.rename(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def make_folder(path: Path, user: ServiceUser | None, mode: int = 0o700) -> None:
    """Make a folder with its missing parents; the folder itself belongs to the user, the parents to us."""
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        give(descriptor, user)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def give(descriptor: int, user: ServiceUser | None) -> None:
    """Make a user the owner of an open file or folder; None leaves it ours."""
    if user is not None:
        os.fchown(descriptor, user.uid, user.gid)


def append_to(path: Path) -> int:
    """Open a log for a child process to append to; returns the descriptor, which the caller closes."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)


def log_tail(path: Path, position: int = 0, lines: int = 12) -> str:
    """Return the last lines of a log, of what was written after a position."""
    try:
        with path.open("rb") as file:
            file.seek(max(position, file.seek(0, os.SEEK_END) - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def rotate(path: Path, largest: int) -> bool:
    """Keep a log that grew too large as `NAME.1` and begin anew; whoever appends to it goes on undisturbed."""
    if not path.exists() or path.stat().st_size <= largest:
        return False
    shutil.copyfile(path, path.with_name(f"{path.name}.1"))
    os.truncate(path, 0)
    return True
