"""Files that hold secrets and certificates: written whole or not at all, secrets readable by their owner only."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from growsoft.errors import ConfigError

PRIVATE = 0o600
PUBLIC = 0o644

# A key file is a few kilobytes; whatever is larger is not one.
LARGEST_SECRET = 64 * 1024


@dataclass(frozen=True, slots=True)
class Owner:
    """The user and group a file is given to, for a root process that writes another user's file."""

    uid: int
    gid: int


def write_private(path: Path, data: bytes, *, owner: Owner | None = None) -> None:
    """Write a file that only its owner can read (0600), or replace it; a crash leaves the old or the new one whole."""
    temporary = _written(path, data, PRIVATE, owner)
    temporary.replace(path)
    _sync_folder(path.parent)


def write_public(path: Path, data: bytes, *, owner: Owner | None = None) -> None:
    """Write a file that everybody may read (0644), or replace it, in the same manner."""
    temporary = _written(path, data, PUBLIC, owner)
    temporary.replace(path)
    _sync_folder(path.parent)


def create_private(path: Path, data: bytes, *, owner: Owner | None = None) -> None:
    """Write a private file that must not exist yet; of two processes that try, one gets `FileExistsError`."""
    temporary = _written(path, data, PRIVATE, owner)
    try:
        # A link fails where the name is taken; a rename would replace the other one's key.
        path.hardlink_to(temporary)
    finally:
        temporary.unlink()
    _sync_folder(path.parent)


def read_private(path: Path) -> bytes:
    """Read a secret; one that other users could read or that a link points to is refused.

    Raises `ConfigError` that says what to do, `FileNotFoundError` where there is none.
    """
    descriptor = _opened(path)
    try:
        _refuse_exposed(path, os.fstat(descriptor))
        data = os.read(descriptor, LARGEST_SECRET + 1)
    finally:
        os.close(descriptor)
    if len(data) > LARGEST_SECRET:
        raise ConfigError(f"{path} is too large to be a key; put the right file in its place.")
    return data


def _opened(path: Path) -> int:
    """Open a file for reading, but not through a link: it could point to a file that somebody else controls."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}); it must be a plain file of this user.") from error


def _refuse_exposed(path: Path, found: os.stat_result) -> None:
    """Refuse what is not a plain file, or is open to the group or to all."""
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{path} is not a plain file; put the key there as one.")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path} holds a secret and other users can open it (mode {mode:04o}); run: chmod 600 {path}. "
            "If somebody could have read it, replace the secret as well."
        )


def _written(path: Path, data: bytes, mode: int, owner: Owner | None) -> Path:
    """Write a temporary file beside its later place, down to the disk, and return it."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _hand_over(descriptor, mode, owner)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def _hand_over(descriptor: int, mode: int, owner: Owner | None) -> None:
    """Give an open file its mode, whatever the umask says, and its owner."""
    os.fchmod(descriptor, mode)
    if owner is not None:
        os.fchown(descriptor, owner.uid, owner.gid)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
