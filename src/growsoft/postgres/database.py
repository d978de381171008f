"""One customer's database as a process that serves it sees it: where it is, its keys, and its transactions."""

import hmac
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final, Protocol
from uuid import UUID

from growsoft.postgres.connection import DatabaseUnavailable, Endpoint
from growsoft.postgres.context import Context, Door, SignedDoor, profile_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.transaction import Mode, Transaction


class Files(Protocol):
    """Where the files of a database lie: by address and size, never by a name that somebody gave."""

    def put(self, source: BinaryIO, limit: int) -> tuple[str, int]:
        """Keep content of at most ``limit`` bytes; give its address and size. Raises ``ValueError`` beyond."""
        ...

    def reading(self, address: str, size: int) -> AbstractContextManager[BinaryIO]:
        """Open content. Raises ``MissingError``, and ``GrowsoftError`` for what was damaged."""
        ...

    def part(self, address: str, size: int, part: range) -> Generator[bytes]:
        """Give some bytes of content without reading what is before them. Raises as ``reading``."""
        ...

    def forget(self, address: str) -> None:
        """Delete content that no record refers to."""
        ...


# The one group that sudo and the command line act with; like any other it reads through policies, never around them.
ELEVATED_GROUP: Final = "gs_elevated"
ELEVATED_PROFILE: Final = profile_name([ELEVATED_GROUP])
SYSTEM_USER: Final = 1


@dataclass(frozen=True, slots=True)
class Database:
    """A database and what is needed to act in it. ``signing_key`` lets this process vouch for a context."""

    endpoint: Endpoint
    uuid: UUID
    key_id: int
    signing_key: bytes = field(repr=False)
    pools: Pools = field(repr=False, compare=False)
    files: Files | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Name of the database in PostgreSQL, and of its login."""
        return self.endpoint.dbname

    def signed(self, context: Context) -> SignedDoor:
        """Vouch for a context."""
        return SignedDoor(context, self.key_id, self.signing_key)

    def elevated(self, reason: str, *, user: int = SYSTEM_USER, caller: str = "") -> SignedDoor:
        """Vouch for elevated code; reason and caller are audited by the database itself."""
        return self.signed(Context(user, ELEVATED_PROFILE, elevated=True, reason=reason, caller=caller))

    def lock_key(self, name: str) -> int:
        """Give the number of an advisory lock. Who only speaks SQL cannot know it, and so cannot hold it to annoy."""
        digest = hmac.digest(self.signing_key, b"lock:" + name.encode(), "sha256")
        return int.from_bytes(digest[:8], "big", signed=True)

    @contextmanager
    def transaction(self, door: Door, mode: Mode = "write", *, profile: str = "") -> Generator[Transaction]:
        """Open a transaction by a door; commit when the block ends, roll back when it raises.

        An idle connection whose server was restarted is replaced, before anything has run on it.
        """
        with ExitStack() as stack:
            transaction = self._begin(stack, door, mode, profile)
            try:
                yield transaction
            except BaseException:
                transaction.rollback()
                raise
            transaction.commit()

    def _begin(self, stack: ExitStack, door: Door, mode: Mode, profile: str) -> Transaction:
        with ExitStack() as attempt:
            connection = attempt.enter_context(self.pools.connection(self.endpoint, profile=profile))
            try:
                transaction = Transaction(connection, door, mode)
            except DatabaseUnavailable:
                pass
            else:
                stack.push(attempt.pop_all())
                return transaction
        self.pools.forget(self.endpoint)
        return Transaction(stack.enter_context(self.pools.connection(self.endpoint)), door, mode)
