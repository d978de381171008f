"""Instance models: clusters, and the databases of customers."""

from __future__ import annotations

from enum import Enum

from growsoft.errors import ValidationError
from growsoft.orm import Access, Model, Unique, api, fields
from growsoft.words import _

# What a name can be: a DNS label (RFC 1123), because the database is served at https://NAME.<domain>.
_LABEL = "abcdefghijklmnopqrstuvwxyz0123456789-"
# Names that would be taken for something of the instance itself.
RESERVED_NAMES = frozenset(("localhost", "www", "control", "admin", "api", "mail", "postgres", "template"))

NAME_TAKEN = "There is a database of this name already; choose another name."


class Plan(Enum):
    """What a customer has taken; all but paid have 48 hours in a disaster."""

    PAID = "paid"
    TRIAL = "trial"
    EDUCATION = "education"
    FREEMIUM = "freemium"


class State(Enum):
    """Where a database is in its life."""

    CREATING = "creating"
    ACTIVE = "active"
    UPGRADING = "upgrading"
    # Another one has its name and address; it is kept for a while, and comes back when that is undone.
    REPLACED = "replaced"
    DROPPED = "dropped"
    PURGED = "purged"


# A database in one of these is there, and has its name.
PRESENT = (State.CREATING, State.ACTIVE, State.UPGRADING)


class Cluster(Model):
    """Cluster: a PostgreSQL primary with its standby."""

    _name = "instance.cluster"
    _order = "name"

    name = fields.Char(required=True, unique="There is a cluster of this name already.", size=63)

    directory = Access("instance.directory", "read")
    operators = Access("instance.operator", "read")


class CustomerDatabase(Model):
    """Database: one customer's own, with its opaque name in PostgreSQL."""

    _name = "instance.database"
    _order = "name"
    _audit_without = ("backup_key",)

    name = fields.Char(required=True, size=63, index=True)
    uuid = fields.Char(required=True, unique="Another database has this uuid.", size=36)
    pg_name = fields.Char("Name in PostgreSQL", required=True, unique="Another database has this name.", size=63)
    key_id = fields.Integer(default=1, readonly=True)
    plan = fields.Selection(Plan, default=Plan.PAID)
    state = fields.Selection(State, default=State.CREATING)
    cluster_id = fields.Many2one(Cluster, required=True)
    apps = fields.Char(help="The installed apps, separated by commas.")
    dropped_at = fields.Datetime()
    staging = fields.Boolean("Copy for tests", readonly=True)
    # Wrapped by the instance key: useless without it, and destroyed to make every backup unreadable.
    backup_key = fields.Text(readonly=True, groups="instance.operator")

    directory = Access("instance.directory", "read")
    operators = Access("instance.operator", "read")

    @api.computed("name", "state", store=True, unique=NAME_TAKEN)
    def name_in_use(self) -> str:
        """The name for as long as it leads here. Of two that come at the same moment PostgreSQL lets one have it."""
        return self.name if self.state in PRESENT else ""

    @api.constrains("name")
    def _check_name(self) -> None:
        for database in self:
            check_database_name(database.name)


class DueDatabase(Model):
    """Due: when a database has jobs to do next; the job worker and those who enqueue write it (`dispatch`)."""

    _name = "instance.due"
    _order = "due"
    _rec_name = "due"
    _audit = False

    database_id = fields.Many2one(CustomerDatabase, required=True, ondelete="cascade")
    due = fields.Datetime(required=True, index=True)

    once = Unique(database_id)
    directory = Access("instance.directory", "read", "create", "write")
    operators = Access("instance.operator", "read")


def check_database_name(name: str) -> None:
    """Refuse a name that cannot be part of an address."""
    if not name or len(name) > 63 or set(name) - set(_LABEL) or name.startswith("-") or name.endswith("-"):
        raise ValidationError(
            _(
                "{name} is no name for a database: use 1 to 63 lower-case letters, digits and hyphens inside.",
                name=repr(name[:70]),
            )
        )
    if name in RESERVED_NAMES:
        raise ValidationError(_("{name} is reserved; choose another name.", name=name))
