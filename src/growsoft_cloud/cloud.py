"""The command `growsoft cloud`: data centres, backup sites, and whom to tell when something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Final

import click

from growsoft.cli.errors import NotFound, UsageError
from growsoft.cli.instance import Instance, open_instance
from growsoft.cli.output import print_json, print_rows
from growsoft.errors import ValidationError
from growsoft.orm import Env
from growsoft_cloud.backup.s3 import S3Site
from growsoft_cloud.cloud_archive import base, rpo
from growsoft_cloud.fleet import models
from growsoft_cloud.fleet.models.sites import SiteKind
from growsoft_cloud.fleet.sites import policy_of, secret_name, site_of
from growsoft_cloud.operations.alerts import Changes, Open, tell
from growsoft_cloud.operations.channels import NAMES, SECRETS, channels_of, read, write
from growsoft_cloud.operations.monitor import Level

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

_SITE: Final = ("name", "data_centre", "kind", "where", "health", "checked_at", "objects", "bytes", "trouble")


@click.group("cloud")
def cloud() -> None:
    """Look after the hosting: data centres, backup sites, alerts."""


cloud.add_command(rpo)
cloud.add_command(base)


@cloud.group("dc")
def centres() -> None:
    """Data centres, whose locations are published."""


@centres.command("list")
@_json
def list_centres(*, as_json: bool) -> None:
    """List the data centres, and which attestations each lacks today."""
    today = datetime.now(UTC).date()
    with open_instance() as instance, _control(instance) as env:
        rows = [
            {
                "name": centre.name,
                "provider": centre.provider,
                "city": centre.city,
                "country": centre.country_id.code,
                "continent": centre.continent_id.name,
                "simulated": centre.simulated,
                "missing": [criterion.value for criterion in centre.missing_attestations(today)],
            }
            for centre in env[models.DataCentre].search([])
        ]
    columns = ("name", "provider", "city", "country", "continent", "simulated", "missing")
    print_rows(rows, columns, as_json=as_json)


@cloud.group("site")
def sites() -> None:
    """Backup sites: where copies lie."""


@sites.command("list")
@_json
def list_sites(*, as_json: bool) -> None:
    """List the backup sites in the order in which they are written to, and how each is doing."""
    with open_instance() as instance, _control(instance) as env:
        rows = [_site_row(instance, site) for site in env[models.Site].search([])]
    print_rows(rows, _SITE, as_json=as_json)


@sites.command("add")
@click.argument("name")
@click.option("--dc", "centre", required=True, help="The data centre in which the bucket is.")
@click.option("--endpoint", required=True, help="The address of the provider's S3 service: https://...")
@click.option("--bucket", required=True, help="The bucket, which is there already.")
@click.option("--prefix", default="", help="Keep objects below this in the bucket.")
@click.option("--region", default="us-east-1", show_default=True, help="The region that requests are signed for.")
@click.option("--access-key", required=True, help="The id of the key; its secret is read from standard input.")
@click.option("--sequence", default=100, show_default=True, help="Backups are written to the smallest first.")
@_json
def add_site(name: str, centre: str, sequence: int, *, as_json: bool, **given: str) -> None:
    """Add a bucket as the backup site NAME. It is reached and marked before anything is recorded."""
    secret = _secret("The secret of the key")
    with open_instance() as instance, _control(instance) as env:
        found = env[models.DataCentre].search(models.DataCentre.name == centre)
        if not found:
            raise NotFound(f"There is no data centre {centre}; see: growsoft cloud dc list")
        row = env[models.Site].create(
            {
                **given,
                "name": name,
                "data_centre_id": found,
                "kind": SiteKind.S3,
                "sequence": sequence,
                "secret": instance.keyring.seal_secret(secret_name(name), secret),
            }
        )
        site = site_of(row, instance.state, instance.keyring)
        policy_of(env, instance.state, instance.keyring)
        if isinstance(site, S3Site):
            site.prepare()
    if as_json:
        print_json({"name": name})
    click.echo(f"{name} is a backup site now; within an hour it has copies of all backups.", err=True)


@sites.command("remove")
@click.argument("name")
@click.option("--confirm", default="", help="The name once more.")
@_json
def remove_site(name: str, confirm: str, *, as_json: bool) -> None:
    """Write no more backups to the site NAME. What it has stays there; fewer sites than promised are refused."""
    if confirm != name:
        raise UsageError(f"Copies there would not be looked after any more; type: --confirm {name}")
    with open_instance() as instance, _control(instance) as env:
        found = env[models.Site].search(models.Site.name == name)
        if not found:
            raise NotFound(f"There is no site {name}; see: growsoft cloud site list")
        found.unlink()
        policy_of(env, instance.state, instance.keyring)
    if as_json:
        print_json({"name": name})
    click.echo(f"{name} is no backup site any more.", err=True)


@cloud.command("alerts")
@click.option("--mail-to", help="Addresses, separated by commas.")
@click.option("--mail-from", help="The address that such mails come from.")
@click.option("--smtp", help="HOST:PORT of the mail server; STARTTLS but on this machine.")
@click.option("--smtp-user", help="The login at the mail server.")
@click.option("--webhook", help="An https address that takes a POST of JSON.")
@click.option("--secret", "with_secret", is_flag=True, help="Read the password or the webhook's secret from stdin.")
@click.option("--test", "try_it", is_flag=True, help="Send a test to all of them.")
@_json
def alerts(*, with_secret: bool, try_it: bool, as_json: bool, **given: str | None) -> None:
    """Show, set or try whom to tell when a backup fails or is late; an empty value removes one."""
    values = {name: value for name, value in given.items() if value is not None}
    if with_secret:
        values["webhook_secret" if values.get("webhook") else "smtp_password"] = _secret("The secret")
    with open_instance() as instance:
        with _control(instance) as env:
            if values:
                write(env, instance.keyring, values)
            told = read(env, instance.keyring)
            channels = channels_of(env, instance.keyring)
        if try_it:
            _refuse_failures(tell(_a_test(), channels), len(channels))
    shown = {name: "(set)" if name in SECRETS and told.get(name) else told.get(name, "") for name in NAMES}
    if as_json:
        print_json(shown)
    else:
        rows = [{"setting": name, "value": value} for name, value in shown.items()]
        print_rows(rows, ("setting", "value"), as_json=False)


def _site_row(instance: Instance, row: models.Site) -> dict[str, object]:
    is_folder = row.kind is SiteKind.FOLDER
    return {
        "name": row.name,
        "data_centre": row.data_centre_id.name,
        "kind": row.kind.value,
        "where": str(instance.state.sites / row.name) if is_folder else f"{row.endpoint}/{row.bucket}/{row.prefix}",
        "health": row.health.value,
        "checked_at": row.checked_at,
        "objects": row.objects,
        "bytes": int(row.size),
        "trouble": row.trouble,
    }


def _control(instance: Instance) -> AbstractContextManager[Env]:
    return instance.env(instance.facts.control, "an operator looks after the hosting by command")


def _secret(what: str) -> str:
    """Read a secret from standard input: on a command line others could see it."""
    text = click.prompt(what, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    secret = str(text).strip()
    if not secret:
        raise ValidationError(f"{what} is missing; give it on standard input.")
    return secret


def _a_test() -> Changes:
    now = datetime.now(UTC)
    return Changes(begun=(Open("test", Level.WARNING, "This is a test; nothing is wrong.", now),))


def _refuse_failures(failures: Sequence[Exception], channels: int) -> None:
    if not channels:
        raise UsageError("Nobody is told yet; see: growsoft cloud alerts --help")
    if failures:
        raise ValidationError(" ".join(str(failure) for failure in failures))
    click.echo(f"Told {channels} ways.", err=True)
