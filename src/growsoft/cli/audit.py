"""`growsoft audit`: the history of a database, sealed and verified."""

from __future__ import annotations

import dataclasses
import sys
from typing import Final

import click
from msgspec import structs

from growsoft.cli.errors import NotFound
from growsoft.cli.instance import open_instance
from growsoft.cli.output import cell, print_json
from growsoft.cli.retention import SETTING, retention_days
from growsoft.cli.seals import keep_seal, known_seals
from growsoft.cli.terminal import printable
from growsoft.keeper.verbs import HistoryVerified
from growsoft.orm.history import MOST, Entry

_BROKEN: Final = 1


@click.group()
def audit() -> None:
    """Verify and show the history of a database."""


@audit.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print the verdict as JSON.")
def verify(db: str, *, as_json: bool) -> None:
    """Compare every row of the history with its seal, and the seals with those that the backup sites keep."""
    with open_instance() as instance, instance.keeper() as keeper:
        where = instance.find(db)
        known = known_seals(instance, where.uuid)
        verdict = keeper.verify_history(where.pg_name, known.heads)
    if as_json:
        told = structs.asdict(verdict)
        print_json({"database": db, "whole": not verdict.findings, **told, "compared": len(known.heads),
                    "troubles": known.troubles})  # fmt: skip
    else:
        _tell(db, verdict, len(known.heads), known.troubles)
    if verdict.findings:
        sys.exit(_BROKEN)


@audit.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print what was sealed as JSON.")
def seal(db: str, *, as_json: bool) -> None:
    """Seal what is new in the history now, and let the backup sites remember it."""
    with open_instance() as instance, instance.keeper() as keeper:
        where = instance.find(db)
        done = keeper.seal_history(where.pg_name)
        troubles = keep_seal(instance, where.uuid, done.head) if done.head else []
    if as_json:
        print_json({"database": db, **structs.asdict(done), "troubles": troubles})
        return
    at = f"seal {done.head.number}" if done.head else "no seal yet"
    click.echo(f"{done.rows} rows were sealed; {at}.")
    for trouble in troubles:
        click.echo(f"Not remembered: {trouble}", err=True)


@audit.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print how many rows were deleted as JSON.")
def sweep(db: str, *, as_json: bool) -> None:
    """Delete what is older than the setting audit.retention_days of the database says; the seals stay."""
    with open_instance() as instance, instance.keeper() as keeper:
        where = instance.find(db)
        with instance.env(where, "the command line looks up how long a history is kept") as env:
            days = retention_days(env)
        rows = 0 if days is None else keeper.sweep_history(where.pg_name, days)
    if as_json:
        print_json({"database": db, "days": days, "rows": rows})
    elif days is None:
        click.echo(f"{db} keeps its history for ever; the setting {SETTING} would say otherwise.")
    else:
        click.echo(f"{rows} rows that were sealed more than {days} days ago were deleted.")


@audit.command()
@click.argument("db")
@click.argument("model")
@click.argument("record", type=click.IntRange(min=1))
@click.option(
    "--limit", type=click.IntRange(1, MOST), default=80, show_default=True, help="The newest so many entries."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def show(db: str, model: str, record: int, limit: int, *, as_json: bool) -> None:
    """Show who changed a record when, newest first; also of one that was deleted."""
    with open_instance() as instance, instance.env(instance.find(db), "the command line shows a history") as env:
        if model not in env.registry.models:
            raise NotFound(f"There is no model {model} in {db}.")
        entries = env[model].browse(record).history(limit)
    if as_json:
        print_json([_plain(entry) for entry in entries])
        return
    for entry in entries:
        staff = f" by staff {entry.actor}" if entry.actor else ""
        why = f"; {entry.reason}" if entry.reason else ""
        number = f", request {entry.request}" if entry.request else ""
        click.echo(f"{entry.at:%Y-%m-%d %H:%M:%SZ} {entry.kind} by user {entry.user_id}{staff}{number}{printable(why)}")
        for change in entry.changes:
            before, after = cell(change.before), cell(change.after)
            click.echo(f"  {change.field}: {before} -> {after}")


def _plain(entry: Entry) -> dict[str, object]:
    told = dataclasses.asdict(entry)
    return {**told, "changes": [{"field": c.field, "before": c.before, "after": c.after} for c in entry.changes]}


def _tell(db: str, verdict: HistoryVerified, compared: int, troubles: tuple[str, ...]) -> None:
    swept = f", {verdict.swept} of them swept" if verdict.swept else ""
    click.echo(
        f"{verdict.rows} rows under {verdict.seals} seals{swept}; {verdict.waiting} newer rows are not sealed yet."
    )
    click.echo(f"{compared} seals were compared with those on the backup sites.")
    for trouble in troubles:
        click.echo(f"Not compared: {trouble}", err=True)
    for finding in verdict.findings:
        where = f" ({finding.where})" if finding.where else ""
        click.echo(f"{finding.wrong.upper()}: {finding.text}{where}")
    if verdict.findings:
        click.echo(
            f"The history of {db} was tampered with, or damaged: keep the database as it is and compare backups."
        )
    else:
        click.echo(f"The history of {db} is whole.")
