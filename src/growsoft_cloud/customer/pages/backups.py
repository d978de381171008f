"""Backups: the page on which people of a database see its own backups, and ask for what is to be done with them.

What is shown are rows of this database, and asking is writing one: that somebody may do so at all is decided by
PostgreSQL, as for every other row. Nothing here knows of the control database or of anybody else's.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from growsoft.orm.later import announce
from growsoft.views.manner import NO_BREAK
from growsoft.web.errors import PageNotFound
from growsoft.web.http import Response
from growsoft.web.pages.routes import SIGNED_IN_ROUTES
from growsoft.web.ranges import Download, ranged
from growsoft.web.visit import SignedInVisit
from growsoft.words import _
from growsoft_cloud.customer.models import Beside, Kind, OwnBackup, Progress, Request, Work, link_id

PATH: Final = "/backups"
TAR: Final = "application/x-tar"
MOST_SHOWN: Final = 10
SHOWN_FOR: Final = timedelta(days=1)

# As what a backup is kept, or for what it was taken, as the lists say it.
WORDS: Final = (
    _("daily"), _("weekly"), _("monthly"), _("extra"), _("midday"), _("manual"), _("swap"), _("undo of a swap"),
    _("upgrade"), _("install"), _("uninstall"), _("drop"),
)  # fmt: skip

_KINDS: Final = frozenset(kind.value for kind in Kind)


class Shown(msgspec.Struct, frozen=True):
    """A piece of work as it is shown; `wanted` is a request that nobody has begun."""

    kind: str
    state: str
    backup: str
    database: str
    asked_by: str
    step: str
    share: int
    message: str
    at: datetime
    seconds: float
    download: str
    size: str
    until: datetime | None


@SIGNED_IN_ROUTES.get(PATH)
def backups(visit: SignedInVisit) -> Response:
    """Show the backups, what stands beside, and what was asked for."""
    return visit.page("backups.html", {**_lists(visit), **_work(visit)})


@SIGNED_IN_ROUTES.get("/backups/work")
def work(visit: SignedInVisit) -> Response:
    """Show how far the work is, for a page that is there already; one that shows an older list is drawn anew."""
    context = _work(visit)
    if not context["busy"]:
        return visit.go(PATH)
    return visit.fragment("_work.html", context)


@SIGNED_IN_ROUTES.post("/backups/ask")
def ask(visit: SignedInVisit) -> Response:
    """Write down what somebody wants done; the hosting looks what it is worth."""
    _refuse_without(visit)
    kind = visit.form.get("kind", "")
    if kind not in _KINDS:
        raise PageNotFound
    visit.env[Request].create(
        {
            "kind": Kind(kind),
            "backup": visit.form.get("backup", "")[:24],
            "database": visit.form.get("database", "")[:63],
            "confirm": visit.form.get("confirm", "").strip()[:63],
            "for_uuid": str(visit.env.database.uuid),
        }
    )
    announce(visit.env, datetime.now(UTC))
    return visit.go(PATH)


@SIGNED_IN_ROUTES.get("/backups/download/{work_id:id}")
def download(visit: SignedInVisit, work_id: int) -> Response:
    """Send a download that was made for this database, or the part of it that is asked for."""
    _refuse_without(visit)
    found = visit.env[Work].search(Work.id == work_id)
    storage = visit.env.database.files
    over = found.expires_at is None or found.expires_at < datetime.now(UTC) if found else True
    if over or not found.address or storage is None:
        raise PageNotFound
    address, size = found.address, int(found.size)
    what = Download(f"{visit.site.name}-{found.backup}.tar", TAR, size, found.sha256)
    return ranged(visit.request, what, lambda part: storage.part(address, size, part))


def _refuse_without(visit: SignedInVisit) -> None:
    """Show no page in the control database, nor in one that is older than this app."""
    if "backups.request" not in visit.site.registry.models:
        raise PageNotFound


def _lists(visit: SignedInVisit) -> dict[str, object]:
    _refuse_without(visit)
    found = visit.env[OwnBackup].search_read([], _BACKUP)
    rows = [{**row, "size": _size(row["size"]), "restored": _span(row["restore_seconds"])} for row in found]
    around = visit.env[Beside].search_read([], ["name", "address", "replaced"])
    return {
        "rows": rows,
        "restored": [row for row in around if not row["replaced"]],
        "replaced": [row for row in around if row["replaced"]][:1],
        "here": "backups.backup",
    }


def _work(visit: SignedInVisit) -> dict[str, object]:
    _refuse_without(visit)
    begun = visit.env[Work].search_read(
        [["started_at", ">=", datetime.now(UTC) - SHOWN_FOR]], _WORK, limit=MOST_SHOWN, order="id desc"
    )
    shown = [_shown(row) for row in begun]
    known = {link_id(row["request_id"]) for row in begun}
    newest = visit.env[Request].search_read(
        [["for_uuid", "=", str(visit.env.database.uuid)]], ["kind", "backup", "database", "create_date"],
        limit=MOST_SHOWN, order="id desc",
    )  # fmt: skip
    first = min(known - {0}, default=0)
    waiting = [_wanted(row) for row in newest if row["id"] not in known and row["id"] > first]
    busy = bool(waiting) or any(one.state == Progress.RUNNING.value for one in shown)
    return {"works": [*waiting, *shown], "busy": busy}


def _shown(row: Mapping[str, Any]) -> Shown:
    ready = bool(row["address"]) and row["expires_at"] is not None and row["expires_at"] > datetime.now(UTC)
    ended = row["ended_at"] or datetime.now(UTC)
    return Shown(
        str(row["kind"]), str(row["state"]), row["backup"], row["database"], row["asked_by"], row["step"],
        row["share"], row["message"], row["started_at"], (ended - row["started_at"]).total_seconds(),
        f"/backups/download/{row['id']}" if ready else "", _size(row["size"]), row["expires_at"],
    )  # fmt: skip


def _wanted(row: Mapping[str, Any]) -> Shown:
    return Shown(
        str(row["kind"]), "wanted", row["backup"], row["database"], "", "", 0, "", row["create_date"], 0.0, "", "", None
    )


def _size(size: object) -> str:
    """Write a size for people."""
    number = float(str(size or 0))
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f}{NO_BREAK}{unit}" if unit == "B" or number >= 100 else f"{number:.1f}{NO_BREAK}{unit}"
        number /= 1000
    return f"{number:.1f}{NO_BREAK}TB"


def _span(seconds: object) -> str:
    """Write how long a restore took, as operators say it: 4m12s."""
    minutes, rest = divmod(round(float(str(seconds or 0))), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{float(str(seconds or 0)):.1f}s"


_BACKUP: Final = (
    "short_id", "taken_at", "purpose", "kept_as", "size", "files", "copies", "complete", "verified_at", "restored_at",
    "restore_seconds", "trouble",
)  # fmt: skip
_WORK: Final = (
    "id", "request_id", "kind", "backup", "database", "asked_by", "state", "started_at", "ended_at", "step", "share",
    "message", "address", "size", "expires_at",
)  # fmt: skip
