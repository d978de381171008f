"""A call of the external API: what came, to which database, and how the work that it asks for is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from growsoft.postgres.transaction import SessionEnded
from growsoft.web.doors import AccessDenied, Api, Caller, Noted
from growsoft.web.http import Request
from growsoft.web.odoo.calls import Call
from growsoft.web.ports import Client, Site
from growsoft.web.routing import Routes
from growsoft.web.session import device_id

_HERE: Final = ("localhost", "127.0.0.1", "[::1]")
_OURS: Final = ("127.0.0.1", "::1", "")


@dataclass(frozen=True)
class ApiVisit:
    """One request of software."""

    api: Api
    request: Request
    site: Site
    noted: Noted = field(default_factory=Noted)

    @property
    def client(self) -> Client:
        """Who knocks."""
        agent = self.request.headers.get("user-agent", "")[:200]
        return Client(self.request.client, device_id(""), agent, "api")

    def site_of(self, db: object) -> Site:
        """Give the database that a client names. Raises ``AccessDenied``.

        The Host decides; but Python's resolver knows no ``NAME.localhost``, so on this machine ``localhost`` with the
        name of a database is taken for it.
        """
        if db in (None, False, "", self.site.name):
            return self.site
        found = self.api.directory.find(f"{db}.localhost") if isinstance(db, str) and self._is_here() else None
        if found is None or found.name != db:
            raise AccessDenied
        return found

    def perform(self, site: Site, prove: Callable[[], Caller], call: Call) -> Any:  # noqa: ANN401  what goes to the wire
        """Do what a call asks for as whoever proves himself; once more when his session has ended meanwhile."""
        mode = call.mode(site.registry)
        for last in (False, True):
            caller = prove()
            self.noted.user = caller.user_id
            try:
                return self.api.runner.run(site, caller.session, call.run, mode)
            except SessionEnded:
                self.api.callers.forget(caller.session)
                if last:
                    raise
        raise AssertionError("unreachable: the second attempt returns or raises")

    def _is_here(self) -> bool:
        name = self.request.host.rpartition(":")[0] if ":" in self.request.host else self.request.host
        return name in _HERE and self.request.client in _OURS


API_ROUTES: Final[Routes[ApiVisit]] = Routes()
