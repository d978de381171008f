"""`growsoft export`: the records of one model into a CSV or XLSX file."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click

from growsoft.cli.exchanged import in_locale, locale_options, model_of

if TYPE_CHECKING:
    from growsoft.exchange.exporting import Exported, Kind
    from growsoft.orm import Env

PATIENCE: Final = 2.0  # seconds without a word; after them a terminal is told how far it is
_PRIVATE: Final = 0o600  # what the file holds, only its owner may read at first


@click.command()
@click.argument("db")
@click.argument("model")
@click.option("--output", "file", required=True, metavar="FILE",
              help="The new file, which ends in .csv or .xlsx; - writes CSV to standard output.")  # fmt: skip
@click.option("--fields", default="", metavar="FIELD[,FIELD]",
              help="The columns: name,partner_id/ref,order_line/product_id; id and partner_id/id are external ids."
              " Without it the external id and all that can be imported.")  # fmt: skip
@click.option("--domain", default="[]", metavar="JSON",
              help='Which records: [["state", "=", "sale"]]; without it all but archived ones.')  # fmt: skip
@click.option("--order", default="", metavar="FIELD[ desc]", help="In which order; without it that of their making.")
@locale_options
@click.option("--json", "as_json", is_flag=True, help="Print how many records and rows there are as JSON.")
def export(  # noqa: PLR0913  each option is an argument
    db: str, model: str, file: str, fields: str, domain: str, order: str, language: str, tz: str, *, as_json: bool
) -> None:
    """Export records of a model into a CSV or XLSX file.

    The file must be a new one. `growsoft import` reads it back.
    """
    if as_json and file == "-":
        raise click.UsageError("--json and the records cannot both go to standard output; name a file.")
    names = [name.strip() for name in fields.split(",") if name.strip()]
    wanted = _Wanted(db, model, names, _conditions(domain), order, (language, tz), _kind(file))
    # Opened before anything else: the command line becomes another user, who may not write there.
    with _new(file) as stream:
        exported = _run(wanted, stream)
    if as_json:
        from growsoft.cli.output import print_json

        print_json({"records": exported.records, "rows": exported.rows})
    else:
        lines = f" in {exported.rows:,} rows" if exported.rows != exported.records else ""
        click.echo(f"Exported {exported.records:,} records{lines}.", err=file == "-")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for."""

    db: str
    model: str
    fields: list[str]
    domain: list[object]
    order: str
    locale: tuple[str, str]  # language, time zone
    kind: Kind


def _conditions(text: str) -> list[object]:
    import msgspec

    from growsoft.cli.errors import UsageError

    try:
        return msgspec.json.decode(text, type=list[object])
    except msgspec.DecodeError:
        raise UsageError('--domain is a JSON list of conditions, such as [["state", "=", "sale"]].') from None


def _kind(file: str) -> Kind:
    from growsoft.cli.errors import UsageError

    match Path(file).suffix.lower():
        case ".xlsx":
            return "xlsx"
        case ".csv":
            return "csv"
        case _ if file == "-":
            return "csv"
        case _:
            raise UsageError(f"{file}: name a file that ends in .csv or .xlsx, or - for CSV on standard output.")


@contextmanager
def _new(file: str) -> Generator[IO[bytes]]:
    """Open a new file; when its content cannot be had, it is empty again, and gone where that is allowed."""
    from growsoft.cli.errors import UsageError

    if file == "-":
        yield sys.stdout.buffer
        return
    try:
        stream = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE), "wb")
    except FileExistsError:
        raise UsageError(f"{file} is there already; name a new file, or delete it first.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}.") from None
    with stream:
        try:
            yield stream
        except BaseException:
            stream.flush()
            stream.truncate(0)
            _forget(file)
            raise


def _forget(file: str) -> None:
    try:
        Path(file).unlink()
    except OSError:
        click.echo(f"{file} was left empty.", err=True)


def _run(wanted: _Wanted, stream: IO[bytes]) -> Exported:
    from growsoft.cli.errors import UsageError
    from growsoft.cli.instance import elevated_env
    from growsoft.config import load
    from growsoft.exchange.exporting import ExportRefused
    from growsoft.orm.domain import DomainError

    with elevated_env(load(os.environ), wanted.db, "an administrator exports records on the command line") as env:
        info = model_of(env, wanted.model)
        try:
            return _export(in_locale(env, *wanted.locale), info.name, wanted, stream)
        except (ExportRefused, DomainError) as error:
            raise UsageError(error.message) from None


def _export(env: Env, model: str, wanted: _Wanted, stream: IO[bytes]) -> Exported:
    from growsoft.exchange.exporting import export_file

    return export_file(
        env, model, stream, wanted.fields, wanted.domain, kind=wanted.kind, order=wanted.order, progress=_Progress()
    )


class _Progress:
    """Tells a terminal how many records are behind."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, records: int) -> None:
        if time.monotonic() - self._began >= PATIENCE and sys.stderr.isatty():
            click.echo(f"\r{records:,} records ", nl=False, err=True)
