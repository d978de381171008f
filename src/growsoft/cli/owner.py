"""The owner of an instance: commands need no more rights than the keeper's user has, and refuse everybody else."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from growsoft.cli.errors import NotRunning, NotYours
from growsoft.config import Settings, State


def started_state(settings: Settings) -> State:
    """Return the state of an instance that was started before; looking makes nothing. Raises `NotRunning`."""
    state = settings.known_state()
    if state is None:
        raise NotRunning(
            f"Growsoft was never started in {settings.home}; set GROWSOFT_HOME, or type: growsoft up --detach"
        )
    return state


def become_owner(folder: Path) -> None:
    """As root, become the user whom a folder belongs to. Raises `NotYours` for anybody else than him."""
    try:
        owner = folder.stat()
    except PermissionError as error:
        raise NotYours(f"{folder} is closed to you; act as the user who started Growsoft, or as root.") from error
    except FileNotFoundError as error:
        raise NotRunning from error
    if os.geteuid() == owner.st_uid:
        return
    if os.geteuid() != 0:
        raise NotYours(f"{folder} belongs to {_name(owner.st_uid)}; act as this user, or as root.")
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
