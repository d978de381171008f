"""`growsoft access`: why somebody may or may not do something."""

from __future__ import annotations

import dataclasses

import click

from growsoft.cli.instance import open_instance
from growsoft.cli.output import cell, print_json
from growsoft.cli.terminal import printable
from growsoft.orm.access import VERBS, Verb
from growsoft.orm.explain import Explanation
from growsoft.orm.explain import explain as explained
from growsoft.orm.lint import lint as linted


@click.group()
def access() -> None:
    """Explain who may do what, and why."""


@access.command()
@click.argument("db")
@click.argument("login")
@click.argument("verb", type=click.Choice(VERBS))
@click.argument("model")
@click.argument("what", required=False, default="", metavar="[ID|FIELD]")
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
def explain(db: str, login: str, verb: Verb, model: str, what: str, *, as_json: bool) -> None:
    """Say why LOGIN may or may not VERB a MODEL, one of its records (ID) or one of its fields (FIELD).

    PostgreSQL itself is asked in the user's name; what is tried is undone.
    """
    record, field = (int(what), "") if what.isdigit() else (None, what)
    with open_instance() as instance, instance.env(instance.find(db), "the command line explains an access") as env:
        found = explained(env, login, verb, model, record, field)
    if as_json:
        print_json({"allowed": found.allowed, **dataclasses.asdict(found)})
    else:
        _tell(found)


@access.command()
@click.argument("db")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def lint(db: str, *, as_json: bool) -> None:
    """Look for rights that open nothing, rules that can never hold, and rules that read whole tables."""
    with open_instance() as instance, instance.env(instance.find(db), "the command line looks at all rules") as env:
        found = linted(env)
    if as_json:
        print_json([dataclasses.asdict(finding) for finding in found])
        return
    for finding in found:
        click.echo(printable(f"{finding.model}: {finding.kind}: {finding.text}"))
    if not found:
        click.echo(f"The rules of {db} are in order.")


def _tell(found: Explanation) -> None:
    click.echo(printable(found.verdict))
    for group in found.groups:
        via = f"  (by {' -> '.join(group.via)})" if group.via else ""
        click.echo(f"  in group {group.key}{via}")
    for grant in found.grants:
        kept = f"; fields kept for it: {', '.join(grant.fields)}" if grant.fields else ""
        click.echo(f"  {grant.group} may {', '.join(grant.verbs) or 'do nothing'}{kept}")
    for rule in found.rules:
        whose = f"for {rule.group}" if rule.group else "for everybody"
        holds = {True: "holds", False: "does not hold", None: ""}[rule.holds]
        aside = "" if rule.concerns else ", not his"
        values = "; ".join(f"{label}: {cell(value)}" for label, value in rule.values.items())
        told = f" [{holds}{aside}]" if holds or aside else ""
        click.echo(printable(f"  rule {rule.name} {whose}{told}: {rule.words}{f'  ({values})' if values else ''}"))
    for note in found.notes:
        click.echo(f"  {note}")
