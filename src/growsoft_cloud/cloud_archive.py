"""The command `growsoft cloud rpo`: how much work would be lost if this machine burned down now."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from msgspec import structs

from growsoft.cli.errors import NotFound
from growsoft.cli.instance import open_instance
from growsoft.cli.output import print_json
from growsoft.postgres.replication import write_position
from growsoft_cloud.pitr.instance import status_of
from growsoft_cloud.pitr.status import Status


@click.command("rpo")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rpo(*, as_json: bool) -> None:
    """Tell how much work would be lost if this machine were lost now, and how far its WAL archive reaches."""
    with open_instance() as instance:
        status = status_of(instance)
    if status is None:
        raise NotFound("No WAL was archived yet; the operations worker does it: growsoft up")
    now = datetime.now(UTC)
    seconds = status.rpo(now)
    if as_json:
        told = structs.asdict(status) | {"rpo_seconds": seconds, "position": write_position(status.position)}
        print_json({**told, "silent": status.is_silent(now)})
        return
    for line in _lines(status, seconds, now):
        click.echo(line)


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
