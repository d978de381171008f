"""Notes: a small declared schema with every kind of protection, for the tests of the wall itself."""

from dataclasses import dataclass, replace
from typing import Final

from growsoft.postgres.audit import Audit
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.context import Context, SignedDoor, group_role, profile_name
from growsoft.postgres.database import ELEVATED_GROUP, ELEVATED_PROFILE, Database
from growsoft.postgres.policies import COMMANDS, TRUE, Declarations, Grant, Policy
from growsoft.postgres.provision import ensure_profiles
from growsoft.postgres.schema import Column, Constraint, ForeignKey, Index, Table, Trigger
from growsoft.postgres.sql import literal, sql
from growsoft.postgres.superuser import Superuser, superuser

WRITER: Final = group_role("notes.writer")
BOSS: Final = group_role("notes.boss")

USERS: Final = Table(
    "res_users",
    (Column("login", "text", True, literal("")), Column("active", "boolean", True, literal(True))),
    triggers=(Trigger("res_users_account", "mirror_user", ("login", "active")),),
)
GROUPS: Final = Table(
    "res_groups",
    (Column("key", "text", True, literal("")),),
    triggers=(Trigger("res_groups_account", "mirror_group", ("key",)),),
)
COMPANIES: Final = Table("res_company", (Column("name", "text", True, literal("")),))
NOTE: Final = Table(
    "note",
    (
        Column("name", "text", True, literal("")),
        Column("salary", "numeric"),
        Column("user_id", "bigint"),
        Column("company_id", "bigint"),
        Column("version", "integer", True, literal(1)),
    ),
    constraints=(Constraint("note_name_short", sql("length(name) <= 200")),),
    foreign_keys=(
        ForeignKey("note_user_id_fkey", "user_id", "res_users"),
        ForeignKey("note_company_id_fkey", "company_id", "res_company"),
    ),
    indexes=(
        Index("note_user_id", (sql("user_id"),)),
        Index("note_name", (sql("name"),), unique=True, where=sql("name <> ''")),
        Index("note_name_search", (sql("name"),), method="trigram"),
    ),
)
HISTORY: Final = Audit("note", "audit_note", NOTE.columns[:-1])
NOTE_WITH_HISTORY: Final = NOTE.with_triggers(HISTORY.triggers())
TAG: Final = Table("tag", (Column("name", "text", True, literal("")),))


def _relation(name: str, left: str, right: str, kind: str = "") -> Table:
    trigger = (Trigger(f"{name}_account", "mirror_pair", (kind, left, right)),) if kind else ()
    columns = (Column(left, "bigint", True), Column(right, "bigint", True))
    return Table(name, columns, identity=False, primary_key=(left, right), triggers=trigger)


MEMBERS: Final = _relation("res_groups_users_rel", "user_id", "group_id", "membership")
IMPLIED: Final = _relation("res_groups_implied_rel", "group_id", "implied_id", "implication")
STAFF: Final = _relation("res_company_users_rel", "user_id", "company_id", "company")
TAGGED: Final = _relation("note_tag_rel", "note_id", "tag_id")
TABLES: Final = (USERS, GROUPS, COMPANIES, NOTE_WITH_HISTORY, TAG, MEMBERS, IMPLIED, STAFF, TAGGED)

_OWN: Final = sql("user_id = (SELECT gs.user_id())")
# As a global rule is written (growsoft.orm.conditions).
_COMPANY: Final = sql(
    "gs.planned_as() = {elevated} AND (SELECT nullif(NOT gs.elevated(), false)) IS NULL"
    " OR company_id = ANY ((SELECT gs.companies())::bigint[])",
    elevated=literal(ELEVATED_PROFILE),
)
_OWN_NOTE: Final = sql("note_id IN (SELECT id FROM note)")
_OPEN: Final = ("id", "name", "user_id", "company_id", "version")
_OPEN_WRITE: Final = ("name", "user_id", "company_id", "version")


def _all_columns(table: Table) -> tuple[str, ...]:
    return (("id",) if table.identity else ()) + tuple(column.name for column in table.columns)


DECLARATIONS: Final = Declarations(
    apps={"notes": "1.0"},
    tables=TABLES,
    policies=(
        *(Policy("note", f"writer_{command.lower()}", command, _OWN, WRITER) for command in COMMANDS),
        *(Policy("note", f"boss_{command.lower()}", command, TRUE, BOSS) for command in COMMANDS),
        *(Policy("note", f"company_{command.lower()}", command, _COMPANY) for command in COMMANDS),
        *(Policy("note_tag_rel", f"writer_{command.lower()}", command, _OWN_NOTE, WRITER) for command in COMMANDS),
        *(Policy("tag", f"{role}_select", "SELECT", TRUE, role) for role in (WRITER, BOSS)),
        *(
            Policy(table.name, f"elevated_{command.lower()}", command, TRUE, ELEVATED_GROUP)
            for table in TABLES
            for command in COMMANDS
        ),
    ),
    grants=(
        Grant("note", WRITER, _OPEN, _OPEN_WRITE, _OPEN_WRITE, delete=True),
        Grant("note", BOSS, (*_OPEN, "salary"), (*_OPEN_WRITE, "salary"), (*_OPEN_WRITE, "salary"), delete=True),
        Grant("note_tag_rel", WRITER, ("note_id", "tag_id"), ("note_id", "tag_id"), delete=True),
        *(Grant("tag", role, ("id", "name")) for role in (WRITER, BOSS)),
        *(
            Grant(table.name, ELEVATED_GROUP, *(_all_columns(table),) * 3, delete=True)  # read, create, write
            for table in TABLES
        ),
    ),
    roles=(WRITER, BOSS),
    audits=(HISTORY,),
)

# Who is in every database of notes. Ann and Bob write in company 1, Eve in company 2; Kim is the boss of both.
ANN: Final = Context(11, profile_name([WRITER]), (1,))
BOB: Final = Context(12, profile_name([WRITER]), (1,))
EVE: Final = Context(13, profile_name([WRITER]), (2,))
KIM: Final = Context(14, profile_name([WRITER, BOSS]), (1, 2))
LOGINS: Final = {11: "ann", 12: "bob", 13: "eve", 14: "kim"}

_ROWS: Final = sql(
    """
    INSERT INTO res_company (id, name) VALUES (1, 'North'), (2, 'South');
    INSERT INTO res_groups (id, key) VALUES (1, 'notes.writer'), (2, 'notes.boss');
    INSERT INTO res_groups_implied_rel (group_id, implied_id) VALUES (2, 1);
    INSERT INTO res_users (id, login) VALUES (11, 'ann'), (12, 'bob'), (13, 'eve'), (14, 'kim');
    INSERT INTO res_groups_users_rel (user_id, group_id) VALUES (11, 1), (12, 1), (13, 1), (14, 2);
    INSERT INTO res_company_users_rel (user_id, company_id) VALUES (11, 1), (12, 1), (13, 2), (14, 1), (14, 2);
    INSERT INTO tag (id, name) VALUES (1, 'red'), (2, 'blue');
    INSERT INTO note (id, name, salary, user_id, company_id) VALUES
      (1, 'ann one', 100, 11, 1), (2, 'ann two', 110, 11, 1), (3, 'bob one', 200, 12, 1), (4, 'eve one', 300, 13, 2);
    INSERT INTO note_tag_rel (note_id, tag_id) VALUES (1, 1), (3, 1), (4, 2);
    SELECT setval(pg_get_serial_sequence('note', 'id'), 100), setval(pg_get_serial_sequence('tag', 'id'), 100),
      setval(pg_get_serial_sequence('res_users', 'id'), 100), setval(pg_get_serial_sequence('res_groups', 'id'), 100),
      setval(pg_get_serial_sequence('res_company', 'id'), 100)
    """
)


def fill(connection: Superuser) -> None:
    """Put people and rows into a database that has the declarations; its history begins afterwards."""
    connection.run(_ROWS)
    connection.run(sql("TRUNCATE gs_priv.audit RESTART IDENTITY"))


@dataclass(frozen=True)
class Notes:
    """One database of notes, seen from the product (`database`) and from the server's own side (`owner`)."""

    database: Database
    server: Endpoint

    @property
    def owner(self) -> Endpoint:
        """The superuser's way into this very database."""
        return replace(self.server, dbname=self.database.name)

    def door(self, who: Context) -> SignedDoor:
        """Vouch for somebody, as a worker does."""
        return self.database.signed(who)

    def refresh_profiles(self) -> int:
        """Let the login take the profiles that people have now, as the keeper does."""
        with superuser(self.owner) as connection:
            return ensure_profiles(connection, self.database.name)
