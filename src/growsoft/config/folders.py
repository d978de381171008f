"""Folders: make the places of an instance, each for the one user who needs it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from growsoft.config.settings import Settings
from growsoft.config.state import State, make_open
from growsoft.errors import AccessError

OWNER_ONLY = 0o700
PUBLIC = 0o755
# A root that belongs to root: others pass through to their own folder, and see no names on the way.
PASSAGE = 0o711
# What the keeper's user writes there gets the group of the workers, who read it and no more.
WRITTEN_FOR_A_GROUP = 0o2750
# The workers and the keeper's user both read and write there, and nobody else enters.
SHARED_WITH_A_GROUP = 0o770


class Account(Protocol):
    """A system user, as files know one."""

    @property
    def uid(self) -> int:
        """The user's number."""
        ...

    @property
    def gid(self) -> int:
        """The number of the user's own group."""
        ...


class Users(Protocol):
    """Who runs what; None is the user who starts Growsoft."""

    @property
    def database(self) -> Account | None:
        """The user of PostgreSQL."""
        ...

    @property
    def keeper(self) -> Account | None:
        """The user of the keeper and of backups."""
        ...

    @property
    def worker(self) -> Account | None:
        """The user of web and job workers."""
        ...


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder, whose it is, and who may enter it."""

    path: Path
    owner: Account | None
    mode: int
    group: Account | None = None


def prepare(settings: Settings, users: Users) -> State:
    """Make every folder of an instance, with its owner and mode, and return where they are.

    Doing it again repairs modes; when the users changed since the last start, what they own changes hands.
    """
    return make_folders(settings.state(), users)


def make_folders(state: State, users: Users) -> State:
    """Make the folders of a state that was located already."""
    _make_root(state.root, shared=users.database is not None)
    for folder in _folders(state, users):
        _make(folder)
    state.make_run(PASSAGE if users.database else OWNER_ONLY, users.database.gid if users.database else None)
    return state


def _folders(state: State, users: Users) -> Iterator[_Folder]:
    """Yield the folders; PostgreSQL makes its data folders itself, beside which our files are safe from its user."""
    yield _Folder(state.keeper, users.keeper, OWNER_ONLY)
    yield _Folder(state.worker, users.worker, OWNER_ONLY)
    yield _Folder(state.ca, users.keeper, PUBLIC)
    yield _Folder(state.tls, users.keeper, WRITTEN_FOR_A_GROUP, users.worker)
    yield _Folder(state.primary.parent, None, PUBLIC)
    yield _Folder(state.cluster_tls, users.database, OWNER_ONLY)
    yield _Folder(state.binaries, None, PUBLIC)
    yield _Folder(state.log, None, OWNER_ONLY)
    yield _Folder(state.sites, users.keeper, OWNER_ONLY)
    yield _Folder(state.files, users.keeper, SHARED_WITH_A_GROUP, users.worker)
    yield _Folder(state.scratch, users.keeper, PASSAGE)  # its server makes and closes its own folder below it


def _make_root(root: Path, *, shared: bool) -> None:
    """Make the root, closed to everybody else, or a passage to the folders of the service users."""
    make_open(root.parent)
    root.mkdir(mode=OWNER_ONLY, exist_ok=True)
    if root.stat().st_uid != os.geteuid():
        raise AccessError(f"{root} belongs to another user; set GROWSOFT_HOME to a folder of your own.")
    root.chmod(PASSAGE if shared else OWNER_ONLY)


def _make(folder: _Folder) -> None:
    """Make one folder; an existing one keeps its content."""
    uid = os.geteuid() if folder.owner is None else folder.owner.uid
    group = folder.group or folder.owner
    gid = os.getegid() if group is None else group.gid
    folder.path.mkdir(mode=OWNER_ONLY, exist_ok=True)
    descriptor = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if (found.st_uid, found.st_gid) != (uid, gid):
            _hand_over(folder.path, uid, gid)
            os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, folder.mode)
    finally:
        os.close(descriptor)


def _hand_over(path: Path, uid: int, gid: int) -> None:
    """Give the content of a folder to another user, without following a link out of it."""
    for folder, names, files in os.walk(path, followlinks=False):
        for name in (*names, *files):
            entry = Path(folder, name)
            if stat.S_ISREG(entry.lstat().st_mode) or stat.S_ISDIR(entry.lstat().st_mode):
                os.chown(entry, uid, gid, follow_symlinks=False)
