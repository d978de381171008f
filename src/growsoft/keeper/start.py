"""Starting a keeper: one at a time for each instance, with the secrets that only its user can read."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

from growsoft.config import State
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.product import Product
from growsoft.postgres.local import superuser_endpoint
from growsoft.security.keyring import Keyring, load_instance_key

INSTANCE_KEY: Final = "instance.key"


@contextmanager
def hold(state: State, seconds: float = 0.0) -> Generator[bool]:
    """Be the only keeper while the block runs; gives False when another one was it for all of `seconds`.

    The lock is on the folder of the keeper's secrets: whoever cannot open it could be no keeper anyway.
    """
    descriptor = os.open(state.keeper, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _locked(descriptor, time.monotonic() + seconds)
    finally:
        os.close(descriptor)


def open_keeper(state: State, environ: Mapping[str, str], product: Product, log: VerbLog) -> Keeper:
    """Make the keeper of an instance that was started once; `Keeper.start` must follow."""
    keyring = Keyring(load_instance_key(state.keeper / INSTANCE_KEY, environ))
    return Keeper(superuser_endpoint(state), keyring, product, log)


def _locked(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)
        else:
            return True
