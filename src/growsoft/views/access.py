"""Access in words: why somebody may or may not do something, and which group may do what with which model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from growsoft.errors import MissingError, ValidationError
from growsoft.orm import Env
from growsoft.orm.access import VERBS, Verb
from growsoft.orm.explain import ADMINISTRATORS, Explanation, RuleShare, explain
from growsoft.orm.registry import ModelInfo
from growsoft.orm.wording import in_words
from growsoft.views.manner import Manner
from growsoft.views.people import users_of
from growsoft.words import Words, _

# As many logins are offered while somebody types; any other can be typed, too.
MOST_LOGINS: Final = 200

VERB_WORDS: Final[Mapping[Verb, Words]] = {
    "read": _("read"), "create": _("create"), "write": _("change"), "unlink": _("delete"),
}  # fmt: skip
FOLLOWS: Final = _("it belongs to a record that the user may open, and has the rights of that record")
_VERBS: Final[Mapping[str, Verb]] = {verb: verb for verb in VERBS}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know, as it was typed; ``record`` is a number or nothing, ``field`` a technical name."""

    login: str = ""
    verb: str = "read"
    model: str = ""
    record: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in words: for whom it is, whether it holds, and what the record has where the rule looks."""

    words: str
    group: str
    concerns: bool
    holds: bool | None
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Right:
    """What one group may do with a model, and the rules that open records to it."""

    group: str
    key: str
    verbs: tuple[Verb, ...]
    fields: tuple[str, ...]
    rules: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class ModelRights:
    """All rights to one model; ``narrowing`` are the rules that bind everybody."""

    name: str
    title: Words
    rights: tuple[Right, ...]
    narrowing: tuple[Words, ...]


def may_ask(env: Env) -> bool:
    """Whether whoever acts may ask what others may do."""
    return env.has_group(ADMINISTRATORS)


def explained(env: Env, asked: Asked) -> Explanation:
    """Answer; raises ``ValidationError`` with what to correct for what is not understood."""
    verb = _VERBS.get(asked.verb)
    if verb is None:
        raise ValidationError(_("Choose what it is about: read, create, change or delete."))
    if asked.model not in env.registry.models:
        raise ValidationError(_("Choose a model of the list."))
    if asked.record and not (asked.record.isascii() and asked.record.isdigit() and len(asked.record) < 19):
        raise ValidationError(_("A record is given by its number, as it stands in its address."))
    if asked.field and asked.field not in env.registry[asked.model].fields:
        raise ValidationError(_("The model has no field {name}.", name=asked.field[:60]))
    record = int(asked.record) if asked.record else None
    try:
        return explain(env, asked.login.strip(), verb, asked.model, record, asked.field)
    except MissingError as error:
        raise ValidationError(error.words) from error


def rule_lines(found: Explanation, manner: Manner) -> tuple[RuleLine, ...]:
    """Give the rules about a verb, those that concern the user first."""
    lines = [_rule_line(rule, manner) for rule in found.rules]
    return tuple(sorted(lines, key=lambda line: (not line.concerns, line.group)))


def _rule_line(rule: RuleShare, manner: Manner) -> RuleLine:
    values = tuple((manner.say(label), _shown(value)) for label, value in rule.values.items())
    return RuleLine(rule.words, rule.group, rule.concerns, rule.holds, values)


def _shown(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, tuple):  # a link: its id, and its name as far as it is told
        return str(value[1] or value[0])  # pyright: ignore[reportUnknownArgumentType]  a pair of whatever
    return str(value)


def logins(env: Env) -> list[tuple[str, str]]:
    """Give logins with names, to choose from."""
    users = users_of(env)
    if users is None:
        return []
    rows = env[users.name].search_read([], ["login", users.rec_name], limit=MOST_LOGINS)
    return [(str(row["login"]), str(row[users.rec_name])) for row in rows]


def models(env: Env, manner: Manner) -> list[tuple[str, str]]:
    """Give the models with their names for people, sorted by these."""
    found = [(info.name, manner.say(info.description)) for info in env.registry.models.values() if info.access]
    return sorted(found, key=lambda pair: (pair[1].casefold(), pair[0]))


def groups(env: Env, manner: Manner) -> list[tuple[str, str]]:
    """Give the groups with their names for people."""
    found = [(key, manner.say(group.name)) for key, group in env.registry.groups.items()]
    return sorted(found, key=lambda pair: pair[0])


def matrix(env: Env, manner: Manner, group: str = "", model: str = "") -> list[ModelRights]:
    """Give who may do what, by model; of one group or one model when that is asked for."""
    found = [_rights(env, env.registry[name], group) for name, _title in models(env, manner) if model in ("", name)]
    return [one for one in found if one.rights]


def _rights(env: Env, info: ModelInfo, group: str) -> ModelRights:
    keys = {access.group for access in info.access} | {key for field in info.fields.values() for key in field.groups}
    shown = tuple(_right(env, info, key) for key in sorted(keys) if group in ("", key))
    # Without this line "yes" would say too much: these have the rights of their record, whoever has the group.
    narrowing = (*((FOLLOWS,) if info.follows is not None else ()), *_words(env, info, ""))
    return ModelRights(info.name, info.description, shown, narrowing)


def _right(env: Env, info: ModelInfo, key: str) -> Right:
    given = {verb for access in info.access if access.group == key for verb in access.verbs}
    kept = tuple(field.label for field in info.fields.values() if key in field.groups)
    verbs: tuple[Verb, ...] = tuple(verb for verb in VERBS if verb in given)
    declared = env.registry.groups.get(key)
    return Right(declared.name if declared else key, key, verbs, kept, tuple(_words(env, info, key)))


def _words(env: Env, info: ModelInfo, group: str) -> Iterator[Words]:
    for rule in info.rules.values():
        if rule.group == group:
            words = in_words(env.registry, info, rule.condition)
            if len(rule.verbs) == len(VERBS):
                yield words
            else:
                only = ", ".join(VERB_WORDS[verb] for verb in VERBS if verb in rule.verbs)
                yield _("{words} (to {verbs})", words=words, verbs=only)
