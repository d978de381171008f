"""`growsoft import`: a CSV or XLSX file into the records of one model."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from growsoft.cli.exchanged import in_locale, locale_options, model_of
from growsoft.cli.terminal import printable

if TYPE_CHECKING:
    from growsoft.exchange.plan import Options
    from growsoft.exchange.report import Report
    from growsoft.orm.notation import Dates

PATIENCE: Final = 2.0  # seconds without a word; after them a terminal is told how far it is

Pair = tuple[str, str]
_DATES: Final[Mapping[str, Dates]] = {"iso": "", "dmy": "dmy", "mdy": "mdy"}


def _pairs(cut: Callable[[str, str], tuple[str, str, str]]) -> Callable[..., tuple[Pair, ...]]:
    """Read options such as ``column=field``; ``cut`` says which equals sign parts them."""

    def read(_context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> tuple[Pair, ...]:
        found = [cut(value, "=") for value in values]
        wrong = [value for value, (left, sign, _right) in zip(values, found, strict=True) if not (left and sign)]
        if wrong:
            raise click.BadParameter(f"{wrong[0]!r} is not {parameter.metavar}.")
        return tuple((left, right) for left, _sign, right in found)

    return read


@click.command("import")
@click.argument("db")
@click.argument("model")
@click.argument("file")
@click.option("--map", "maps", multiple=True, metavar="COLUMN=FIELD", callback=_pairs(str.rpartition),
              help="Which column becomes which field; again for each. Without any, columns are named after fields. A"
              " link is found by its key or name, or by the field you say: customer=partner_id.ref. !FIELD turns yes"
              " and no around.")  # fmt: skip
@click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", callback=_pairs(str.partition),
              help="A value for all rows.")  # fmt: skip
@click.option("--prefix", "prefixes", multiple=True, metavar="FIELD=TEXT", callback=_pairs(str.partition),
              help="Text before each value of a field; for a link, before the key it is found by.")  # fmt: skip
@click.option("--scale", "scales", multiple=True, metavar="COLUMN=N", callback=_pairs(str.rpartition),
              help="What the numbers of a column are multiplied with.")  # fmt: skip
@click.option("--key", "keys", multiple=True, metavar="FIELD[,FIELD]",
              help="What tells records apart: rows whose record is there update it.")  # fmt: skip
@click.option("--sheet", default="", metavar="NAME", help="The sheet of an XLSX file; the first one if none is named.")
@click.option("--encoding", default="", metavar="NAME",
              help="The encoding of a CSV file that is not UTF-8: windows-1252, iso-8859-15, utf-16.")  # fmt: skip
@click.option("--separator", default="", metavar="NAME",
              help="What parts the cells: comma, semicolon, tab or bar; without it the header says that.")  # fmt: skip
@click.option("--decimal", default="point", type=click.Choice(["point", "comma"]),
              help="The sign before the decimals of numbers: comma for 1.234,5.")  # fmt: skip
@click.option("--dates", default="iso", type=click.Choice(["iso", "dmy", "mdy"]),
              help="What stands first in days such as 3/4/2026: dmy the day, mdy the month.")  # fmt: skip
@locale_options
@click.option("--dry-run", is_flag=True, help="Check everything and change nothing.")
@click.option("--partial", is_flag=True, help="Let the good rows in when others are wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print created, updated, unchanged and errors as JSON.")
def import_(  # noqa: PLR0913, PLR0917  each option is an argument
    db: str,
    model: str,
    file: str,
    maps: tuple[Pair, ...],
    sets: tuple[Pair, ...],
    prefixes: tuple[Pair, ...],
    scales: tuple[Pair, ...],
    keys: tuple[str, ...],
    sheet: str,
    encoding: str,
    separator: str,
    decimal: str,
    dates: str,
    language: str,
    tz: str,
    *,
    dry_run: bool,
    partial: bool,
    as_json: bool,
) -> None:
    """Import a CSV or XLSX file into a model of a database.

    FILE is CSV in UTF-8 or XLSX, with a header; - reads standard input. All rows go in or none, unless --partial is
    given; exit code 1 says that some did not.
    """
    from growsoft.cli.errors import UsageError
    from growsoft.exchange.dialect import Dialect, NoDialect
    from growsoft.exchange.plan import Options
    from growsoft.orm.notation import Notation

    notation = Notation("," if decimal == "comma" else ".", _DATES[dates])
    try:
        dialect = Dialect(sheet, encoding, separator, notation)
    except NoDialect as error:
        raise UsageError(error.message) from None
    key = [name for names in keys for name in names.split(",") if name]
    options = Options(maps, sets, prefixes, scales, key, dialect)
    wanted = _Wanted(db, model, options, (language, tz), dry_run=dry_run, partial=partial)
    # Opened before anything else: the command line becomes another user, who may not read it.
    with _opened(file) as stream:
        report = _run(wanted, stream)
    if as_json:
        _print_json(report, wanted)
    else:
        _print(report, wanted)
    if report.errors:
        sys.exit(1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for."""

    db: str
    model: str
    options: Options
    locale: tuple[str, str]  # language, time zone
    dry_run: bool
    partial: bool


def _opened(file: str) -> AbstractContextManager[IO[bytes]]:
    from growsoft.cli.errors import NotFound, UsageError

    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except FileNotFoundError:
        raise NotFound(f"There is no file {file}.") from None
    except IsADirectoryError:
        raise UsageError(f"{file} is a folder; name a CSV or XLSX file.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None


def _run(wanted: _Wanted, stream: IO[bytes]) -> Report:
    from growsoft.cli.errors import UsageError
    from growsoft.cli.instance import elevated_env
    from growsoft.config import load
    from growsoft.exchange.importing import import_file
    from growsoft.exchange.plan import PlanRefused

    with elevated_env(load(os.environ), wanted.db, "an administrator imports a file on the command line") as env:
        info = model_of(env, wanted.model)
        try:
            return import_file(
                in_locale(env, *wanted.locale), info.name, stream, wanted.options,
                partial=wanted.partial, dry_run=wanted.dry_run, progress=_Progress(stream),
            )  # fmt: skip
        except PlanRefused as error:
            raise UsageError(error.message) from None


class _Progress:
    """Tells a terminal how much of a file is behind."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._began = time.monotonic()

    def __call__(self, line: int) -> None:
        if time.monotonic() - self._began < PATIENCE or not sys.stderr.isatty():
            return
        size = os.fstat(self._stream.fileno()).st_size
        place = self._stream.tell() if size and self._stream.seekable() else 0
        # A workbook is read before its first row comes.
        part = f", {100 * place // size} %" if 0 < place < size else ""
        click.echo(f"\r{line:,} lines{part} ", nl=False, err=True)


def _print_json(report: Report, wanted: _Wanted) -> None:
    from growsoft.cli.output import print_json

    print_json(
        {
            "created": report.created,
            "updated": report.updated,
            "unchanged": report.unchanged,
            "errors": [
                {"line": error.line, "column": error.column, "value": error.value, "reason": error.reason}
                for error in report.errors
            ],
            "more_errors": report.more_errors,
            "dry_run": wanted.dry_run,
        }
    )


def _print(report: Report, wanted: _Wanted) -> None:
    for error in report.errors:
        cell = f", {error.column} '{error.value}'" if error.column else ""
        click.echo(printable(f"Line {error.line}{cell}: {error.reason}"), err=True)
    if report.more_errors:
        click.echo("There are more errors than these.", err=True)
    if report.errors and not (report.created or report.updated):
        click.echo("Nothing was imported. Correct the file and run this again; --partial lets good rows in.", err=True)
        return
    would = "Would have " if wanted.dry_run else ""
    told = f"{would}created {report.created:,}, updated {report.updated:,} ({report.unchanged:,} of them unchanged)."
    click.echo(told[0].upper() + told[1:])
