"""Work in the name of a session: one transaction of whoever it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Final, TypeVar

from growsoft.errors import AccessError, GrowsoftError
from growsoft.orm import Env, open_env, run
from growsoft.postgres.context import SessionDoor
from growsoft.postgres.keeper import KeeperPort
from growsoft.postgres.transaction import DatabaseError, Mode, ProfileMissing
from growsoft.web.log import described, logger
from growsoft.web.ports import Site
from growsoft.web.session import Seen, Session
from growsoft.web.streams import Parts

T = TypeVar("T")


_READ_ONLY: Final = "25006"  # PostgreSQL documentation, appendix A


class OnlyReads(AccessError):
    """This key may only read, so nothing was changed; make one that may write."""


class Runner:
    """Runs work in transactions of sessions."""

    def __init__(self, keeper: KeeperPort | None) -> None:
        """The keeper makes the profiles of people whose groups were changed a moment ago."""
        self._keeper = keeper
        self._seen = Seen()
        self._log = logger()

    def run(
        self, site: Site, session: Session, work: Callable[[Env], T], mode: Mode, companies: tuple[int, ...] = ()
    ) -> T:
        """Run work in one transaction; again when it lost against somebody else's.

        ``companies`` are those to work in; none given: all that the user may. Raises ``SessionEnded``, and
        ``CompanyRefused`` for companies that are not his.
        """
        declared = False

        def noted(env: Env) -> T:
            nonlocal declared
            try:
                result = work(env)
                env.flush()
            except DatabaseError as error:
                if error.sqlstate == _READ_ONLY and env.context.scope:
                    raise OnlyReads from error
                raise
            declared = env.work.declared
            return result

        def attempt() -> T:
            return run(site.database, site.registry, lambda: SessionDoor(session.hash, companies), noted, mode=mode)

        try:
            result = attempt()
        except ProfileMissing:
            if self._keeper is None:
                raise
            self._keeper.ensure_profile(site.database.name)
            result = attempt()
        if mode == "read" and self._seen.is_due(session.hash):
            # Only a transaction that may write lets the database note that somebody is still there.
            with site.database.transaction(SessionDoor(session.hash)):
                pass
        if declared:
            self._apply_declared(site)
        return result

    def stream(
        self, site: Site, session: Session, work: Callable[[Env], Generator[bytes]], companies: tuple[int, ...] = ()
    ) -> Parts:
        """Make an answer in parts, in one READ ONLY transaction that lasts until its last part was taken."""

        def parts() -> Generator[bytes]:
            door = SessionDoor(session.hash, companies)
            with open_env(site.database, site.registry, door, mode="read") as env:
                yield from work(env)

        try:
            return Parts(parts())
        except ProfileMissing:
            if self._keeper is None:
                raise
            self._keeper.ensure_profile(site.database.name)
            return Parts(parts())

    def _apply_declared(self, site: Site) -> None:
        """Have the tables made for what an administrator added; where that fails, the next start does it."""
        try:
            if self._keeper is not None:
                self._keeper.apply_declarations(site.database.name)
        except GrowsoftError as error:
            self._log.error("declarations", database=site.name, error=described(error))
