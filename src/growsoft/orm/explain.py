"""Why somebody may or may not do something: groups, grants, rules, and what PostgreSQL itself answers in his name.

The verdict is never worked out here. The statement is tried as that user and undone; what the rules say of a record is
told beside it. Where both differ, PostgreSQL is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from growsoft.errors import AccessError, MissingError
from growsoft.orm.access import VERBS, Rule, Verb
from growsoft.orm.compile import Bound, Compiler
from growsoft.orm.domain import leaves
from growsoft.orm.env import Env
from growsoft.orm.wording import in_words
from growsoft.postgres.context import Context
from growsoft.postgres.refusals import ConstraintViolated, ProfileMissing
from growsoft.postgres.sql import Sql, ident, literal, sql
from growsoft.words import Words, _

if TYPE_CHECKING:
    from growsoft.orm.registry import ModelInfo

ADMINISTRATORS: Final = "base.admin"

Answer = Literal["allowed", "no account", "no grant", "no rows", "refused"]


@dataclass(frozen=True, slots=True)
class GroupShare:
    """A group of the user, and how he came to it: the chain of groups from one that he was put into."""

    key: str
    name: str
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GrantShare:
    """What a group of his may do with the model, and the fields that are kept for it."""

    group: str
    verbs: tuple[Verb, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleShare:
    """A rule about the verb: that of a ``group`` opens rows, that of none narrows everybody's.

    ``holds`` is its truth for the record with this user's values (None without a record), ``values`` are those of the
    record that it looks at.
    """

    name: str
    group: str
    words: str
    concerns: bool
    holds: bool | None
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole answer; ``allowed`` and ``answer`` are PostgreSQL's own, ``verdict`` says them in a sentence."""

    user_id: int
    login: str
    verb: Verb
    model: str
    record: int | None
    field: str
    groups: tuple[GroupShare, ...]
    grants: tuple[GrantShare, ...]
    rules: tuple[RuleShare, ...]
    answer: Answer
    verdict: str
    notes: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether PostgreSQL lets him."""
        return self.answer == "allowed"


@dataclass(frozen=True, slots=True)
class _Somebody:
    user_id: int
    login: str
    active: bool
    profile: str
    companies: tuple[int, ...]


def explain(env: Env, login: str, verb: Verb, model: str, record: int | None = None, field: str = "") -> Explanation:
    """Say why a user may or may not do something with a model, one of its records or one of its fields.

    For administrators and elevated code, in a transaction that may write (what is tried is undone). Raises
    ``AccessError`` for others, ``MissingError`` for an unknown login or record.
    """
    if not env.has_group(ADMINISTRATORS):
        raise AccessError(_("Only administrators may ask what others may do."))
    elevated = env.sudo("an administrator asks what somebody may do, and why")
    info = env.registry[model]
    if field:
        info.field(field)
    elevated.flush()
    who = _somebody(elevated, login)
    if record is not None and not elevated[model].browse(record).exists():
        raise MissingError
    groups = tuple(_groups(elevated, who))
    keys = {group.key for group in groups}
    rules = tuple(_rules(elevated, who, info, verb, record, keys))
    answer, notes = _asked(elevated, who, info, verb, record, field)
    return Explanation(
        user_id=who.user_id,
        login=who.login,
        verb=verb,
        model=model,
        record=record,
        field=field,
        groups=groups,
        grants=tuple(_grants(info, keys)),
        rules=rules,
        answer=answer,
        verdict=_verdict(who, info, verb, answer, rules, field),
        notes=(*notes, *_differences(answer, rules, record)),
    )


# -- who he is ---------------------------------------------------------------------------------------------------------


def _somebody(env: Env, login: str) -> _Somebody:
    accounts = next((app.accounts for app in env.registry.apps if app.accounts is not None), None)
    if accounts is None:
        raise MissingError("This database has no users.")
    rows = env.execute(
        sql(
            "SELECT u.id, u.{login}, u.{active}, a.profile, a.companies FROM {users} u, gs.account(u.id) a"
            " WHERE lower(u.{login}) = lower({given})",
            users=ident(accounts.users), login=ident(accounts.login), active=ident(accounts.active), given=login,
        )
    ).all()  # fmt: skip
    if not rows:
        raise MissingError(_("Nobody has the login {login}.", login=login[:60]))
    user_id, name, active, profile, companies = rows[0]
    return _Somebody(user_id, name, active, profile or "", tuple(companies or ()))


def _groups(env: Env, who: _Somebody) -> Iterator[GroupShare]:
    accounts = next(app.accounts for app in env.registry.apps if app.accounts is not None)
    rows = env.execute(
        sql(
            "WITH RECURSIVE closed(id, via) AS ("
            " SELECT m.target_id, ARRAY[]::bigint[] FROM {membership} m WHERE m.source_id = {user}"
            " UNION ALL SELECT i.target_id, c.via || c.id FROM closed c JOIN {implied} i ON i.source_id = c.id"
            " WHERE NOT i.target_id = ANY (c.via || c.id))"
            " SELECT DISTINCT ON (c.id) c.id, g.{key}, c.via FROM closed c JOIN {groups} g ON g.id = c.id"
            " ORDER BY c.id, cardinality(c.via)",
            membership=ident(accounts.membership), implied=ident(accounts.implication), user=who.user_id,
            groups=ident(accounts.groups), key=ident(accounts.group_key),
        )
    ).all()  # fmt: skip
    keys = {group_id: key or f"group {group_id}" for group_id, key, _via in rows}
    for group_id, _key, via in rows:
        key = keys[group_id]
        declared = env.registry.groups.get(key)
        yield GroupShare(key, key if declared is None else declared.name, tuple(keys.get(i, str(i)) for i in via))


# -- what is declared --------------------------------------------------------------------------------------------------


def _grants(info: ModelInfo, keys: set[str]) -> Iterator[GrantShare]:
    for key in sorted(keys):
        given = {verb for access in info.access if access.group == key for verb in access.verbs}
        verbs: tuple[Verb, ...] = tuple(verb for verb in VERBS if verb in given)
        kept = tuple(name for name, field in info.fields.items() if key in field.groups)
        if verbs or kept:
            yield GrantShare(key, verbs, kept)


def _rules(
    env: Env, who: _Somebody, info: ModelInfo, verb: Verb, record: int | None, keys: set[str]
) -> Iterator[RuleShare]:
    about = {name: rule for name, rule in info.rules.items() if verb in rule.verbs}
    truths = _truths(env, who, info, about, record)
    for name, rule in about.items():
        yield RuleShare(
            name=name,
            group=rule.group,
            words=in_words(env.registry, info, rule.condition),
            concerns=not rule.group or rule.group in keys,
            holds=truths.get(name),
            values={} if record is None else _values(env, info, rule, record),
        )


def _truths(
    env: Env, who: _Somebody, info: ModelInfo, rules: Mapping[str, Rule], record: int | None
) -> dict[str, bool]:
    """Let PostgreSQL evaluate each rule for the record, elevated, with this user's values."""
    if record is None:
        return {}
    compiler = Compiler(env.registry, Bound(who.user_id, who.companies))
    found: dict[str, bool] = {}
    for name, rule in rules.items():
        where = compiler.where(info, rule.condition)
        query = sql("SELECT EXISTS (SELECT FROM {t} WHERE id = {id} AND ({where}))",
                    t=ident(info.table), id=record, where=where)  # fmt: skip
        found[name] = bool(env.execute(query).scalar())
    return found


def _values(env: Env, info: ModelInfo, rule: Rule, record: int) -> dict[str, object]:
    names = dict.fromkeys(leaf.names[0] for leaf in leaves(rule.condition))
    columns = [name for name in names if name in info.fields and (name == "id" or info.fields[name].stored)]
    row: dict[str, Any] = env[info.name].browse(record).read(columns)[0] if columns else {}
    return {info.fields[name].label: row[name] for name in columns if name in row}


# -- what PostgreSQL answers -------------------------------------------------------------------------------------------


class _Undo(Exception):
    """Takes back what was tried."""


def _asked(
    env: Env, who: _Somebody, info: ModelInfo, verb: Verb, record: int | None, field: str
) -> tuple[Answer, tuple[str, ...]]:
    """Try it as that user, and undo it."""
    if not (who.active and who.profile):
        return "no account", ()
    door = env.database.signed(Context(who.user_id, who.profile, who.companies))
    him = Env(env.work, env.database, env.registry, door, door.context, env.locale)
    outcome: list[tuple[Answer, tuple[str, ...]]] = []
    try:
        with env.savepoint():
            outcome.append(_tried(him, info, verb, record, field))
            raise _Undo  # noqa: TRY301  out of the savepoint
    except _Undo:
        return outcome[0]
    except AccessError:
        return "refused", ()
    except ConstraintViolated:
        return "allowed", (_("The rights allow it; other records refer to this one, so it would still be refused."),)
    except ProfileMissing:
        return "no account", (_("His groups were changed a moment ago; he has to sign in once before."),)
    finally:
        for key in [key for key, other in env.work.envs.items() if other is him]:
            del env.work.envs[key]


def _tried(him: Env, info: ModelInfo, verb: Verb, record: int | None, field: str) -> tuple[Answer, tuple[str, ...]]:
    if not him.execute(_privilege(him, info, verb, field)).scalar():
        return "no grant", ()
    if verb == "create":
        return "allowed", (_("A new record must also meet the rules about create."),) if info.rules else ()
    if record is None:
        return "allowed", ()
    found = him.execute(_statement(info, verb, record)).column()
    return ("allowed" if found else "no rows"), ()


def _privilege(env: Env, info: ModelInfo, verb: Verb, field: str) -> Sql:
    """Ask for the grant itself: of the field, or of any column."""
    word = {"read": "SELECT", "create": "INSERT", "write": "UPDATE", "unlink": "DELETE"}[verb]
    table = literal(f"public.{info.table}")
    if verb == "unlink":
        return sql("SELECT has_table_privilege({t}, 'DELETE')", t=table)
    if not field:
        return sql("SELECT has_any_column_privilege({t}, {word}::text)", t=table, word=word)
    declared = info.field(field)
    if not declared.stored:
        return sql("SELECT {sees}::boolean", sees=env.sees(info, declared))
    return sql("SELECT has_column_privilege({t}, {field}::text, {word}::text)", t=table, field=field, word=word)


def _statement(info: ModelInfo, verb: Verb, record: int) -> Sql:
    table = ident(info.table)
    match verb:
        case "write":  # what every change does, and nothing else
            me = sql("write_uid = (SELECT gs.user_id())")
            return sql("UPDATE {t} SET {me} WHERE id = {id} RETURNING id", t=table, me=me, id=record)
        case "unlink":
            return sql("DELETE FROM {t} WHERE id = {id} RETURNING id", t=table, id=record)
        case _other:
            return sql("SELECT id FROM {t} WHERE id = {id}", t=table, id=record)


# -- in a sentence -----------------------------------------------------------------------------------------------------

_DONE: Final[Mapping[Verb, Words]] = {
    "read": _("read {thing}"), "create": _("create {thing}"), "write": _("write {thing}"),
    "unlink": _("unlink {thing}"),
}  # fmt: skip


def _verdict(
    who: _Somebody, info: ModelInfo, verb: Verb, answer: Answer, rules: tuple[RuleShare, ...], field: str
) -> Words:
    thing = info.description
    if field:
        thing = _("{field} of {thing}", field=info.fields[field].label, thing=thing)
    what = Words(_DONE[verb], {"thing": thing})
    match answer:
        case "allowed":
            return _("{login} may {what}.", login=who.login, what=what)
        case "no account":
            return _(
                "{login} is not active, or is in no group: nobody signs in with this login.", login=who.login
            )  # fmt: skip
        case "no grant":
            return _("{login} may not {what}: no group of his was given that.", login=who.login, what=what)
        case _other:
            return _("{login} may not {what}: {reason}", login=who.login, what=what, reason=_reason(rules))


def _reason(rules: tuple[RuleShare, ...]) -> Words:
    broken = [rule for rule in rules if not rule.group and rule.holds is False]
    if broken:
        return _(
            "it breaks the rule {rule} that binds everybody ({words}).", rule=broken[0].name, words=broken[0].words
        )
    opening = [rule for rule in rules if rule.group and rule.concerns]
    if not opening:
        return _("no rule opens any record to his groups.")
    return _("none of the rules of his groups holds for it.")


def _differences(answer: Answer, rules: tuple[RuleShare, ...], record: int | None) -> Iterator[Words]:
    """Say where rules that were evaluated in elevated hands would have led elsewhere than PostgreSQL's own answer."""
    if record is None or answer not in {"allowed", "no rows", "refused"}:
        return
    narrowed = all(rule.holds for rule in rules if not rule.group)
    opening = [rule for rule in rules if rule.group]
    opened = not opening or any(rule.holds for rule in opening if rule.concerns)
    if (narrowed and opened) != (answer == "allowed"):
        yield _("PostgreSQL decided otherwise: one must see a record to change it, and what its rules look at.")
