"""The commands `growsoft cloud rpo` and `base`: what would be lost with this machine, and the next base backup."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from msgspec import structs

from growsoft.cli.errors import NotFound
from growsoft.cli.instance import open_instance
from growsoft.cli.output import print_json
from growsoft.postgres.replication import write_position
from growsoft_cloud.pitr.bases import chain
from growsoft_cloud.pitr.instance import backups_of, status_of, window_of
from growsoft_cloud.pitr.planning import Window
from growsoft_cloud.pitr.status import Status


@click.command("rpo")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rpo(*, as_json: bool) -> None:
    """Tell how much work would be lost if this machine were lost now, and how far its WAL archive reaches."""
    with open_instance() as instance:
        status = status_of(instance)
        if status is None:
            raise NotFound("No WAL was archived yet; the operations worker does it: growsoft up")
        reach = window_of(instance)
    now = datetime.now(UTC)
    seconds = status.rpo(now)
    if as_json:
        told = structs.asdict(status) | {"rpo_seconds": seconds, "position": write_position(status.position)}
        window = {"since": None, "until": None} if reach is None else reach._asdict()
        print_json({**told, "silent": status.is_silent(now), "window": window})
        return
    for line in (*_lines(status, seconds, now), _moments(reach)):
        click.echo(line)


@click.command("base")
@click.option("--full", is_flag=True, help="Take all of it, not only what changed since the one before.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def base(*, full: bool, as_json: bool) -> None:
    """Take a base backup of the cluster now; from then on moments can be restored sooner, or again."""
    with open_instance() as instance:
        backups = backups_of(instance)
        known = {one.id: one for one in backups.list()}
        whole = [one for one in known.values() if chain(one, known) is not None]
        newest = None if full else max(whole, key=lambda one: one.taken, default=None)
        made, failures = backups.take(newest)
    for failure in failures:
        click.echo(failure.reason, err=True)
    if as_json:
        print_json({"id": made.id, "parent": made.parent, "taken_at": made.taken, "failures": list(failures)})
    else:
        kind = "what changed" if made.parent else "all of it"
        click.echo(f"A base backup ({kind}) was taken at {made.taken:%Y-%m-%d %H:%M:%SZ}.")


def _moments(reach: Window | None) -> str:
    if reach is None:
        return "No moment can be restored yet: there is no base backup. Take one: growsoft cloud base"
    return f"Moments from {reach.since:%Y-%m-%d %H:%M:%SZ} to {reach.until:%Y-%m-%d %H:%M:%SZ} can be restored."


def _lines(status: Status, seconds: float | None, now: datetime) -> list[str]:
    lost = "everything" if seconds is None else f"the last {seconds:.1f} s"
    reach = f"WAL of timeline {status.timeline} is archived up to {write_position(status.position)}"
    lines = [
        f"If this machine were lost now, {lost} of work would be lost.",
        f"{reach}, {status.behind} bytes behind the primary, which keeps up to {status.limit}.",
    ]
    if status.is_silent(now):
        lines.append(f"The archiver has said nothing since {status.at:%Y-%m-%d %H:%M:%SZ}: growsoft up")
    lines += [status.trouble] if status.trouble else []
    lines += [f"{name}: {reason}" for name, reason in sorted(status.sites.items())]
    lines += [f"Lost: {gap.after:%Y-%m-%d %H:%M:%SZ} to {gap.before:%Y-%m-%d %H:%M:%SZ}" for gap in status.gaps]
    return lines
