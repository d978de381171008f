"""Overlays: what administrators added to their databases, brought into the tables and proven like everything else.

Invariant: a database is served only when its walls are those of its apps' template with exactly its own overlay upon
it, worked out on a copy of the template in which nobody has ever been.
"""

from __future__ import annotations

from dataclasses import dataclass

from growsoft.keeper.facts import refuse_foreign_writers
from growsoft.keeper.product import Product
from growsoft.keeper.records import Template
from growsoft.keeper.templates import Report, Templates, Wanted
from growsoft.postgres.overlay import Declarations as Declared
from growsoft.postgres.overlay import Declared as Row
from growsoft.postgres.overlay import note_applied, read_declared
from growsoft.postgres.policies import Declarations
from growsoft.postgres.superuser import Superuser


@dataclass(frozen=True, slots=True)
class Target:
    """What a database is to become: its declarations, the fingerprint that proves them, and the overlay in them."""

    declarations: Declarations
    fingerprint: str
    declared: Declared
    left_out: tuple[str, ...] = ()

    def finish(self, connection: Superuser) -> None:
        """Note in the database that it is so: the last step of the transaction that brings it there."""
        note_applied(connection, self.declared)


class Overlays:
    """What is declared beyond the apps, database by database."""

    def __init__(self, product: Product, templates: Templates) -> None:
        """Take the installed apps and their templates."""
        self._product = product
        self._templates = templates

    def target(self, connection: Superuser, wanted: Wanted, template: Template, report: Report) -> Target:
        """Work out what the database of a connection is to become."""
        refuse_foreign_writers(connection)
        declared = read_declared(connection)
        return self._target(declared, declared.rows, wanted, template, report)

    def present(self, connection: Superuser, wanted: Wanted, template: Template) -> str:
        """Give the fingerprint that a database has as it is: what was declared since then is not applied yet."""
        refuse_foreign_writers(connection)
        declared = read_declared(connection)
        return self._target(declared, declared.applied, wanted, template, lambda _step: None).fingerprint

    def _target(
        self, declared: Declared, rows: tuple[Row, ...], wanted: Wanted, template: Template, report: Report
    ) -> Target:
        if not rows:
            return Target(wanted.declarations, template.fingerprint, declared)
        added = self._product.added(tuple(wanted.apps), rows)
        fingerprint = self._templates.fingerprint(wanted, added.declarations, report)
        return Target(added.declarations, fingerprint, declared, added.left_out)
