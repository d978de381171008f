"""The two tables of routes: for everybody, and for those who are signed in."""

from __future__ import annotations

from typing import Final

from growsoft.web.routing import Routes
from growsoft.web.visit import SignedInVisit, Visit

ROUTES: Final[Routes[Visit]] = Routes()
SIGNED_IN_ROUTES: Final[Routes[SignedInVisit]] = Routes()
