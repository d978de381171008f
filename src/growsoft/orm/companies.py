"""Companies: who sees which company's records, and that records of one company are not linked to those of another."""

# ruff: noqa: SLF001
# pyright: reportPrivateUsage=false
# A recordset and the code that reads, writes and registers it are one class in several files.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from growsoft.errors import ConfigError, ValidationError
from growsoft.orm.access import Rule, current
from growsoft.orm.compile import among
from growsoft.orm.domain import Condition, Leaf
from growsoft.orm.fields import Many2many, Many2one
from growsoft.postgres.sql import Sql, ident, join, sql
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.orm.registry import ModelInfo

COMPANY: Final = "company_id"
METHOD: Final = "_check_companies"
REVERSE: Final = "_check_companies_of_links"

Models = Mapping[str, "ModelInfo"]


def company_rule(path: str = COMPANY) -> Rule:
    """Make the rule of records that belong to a company: one sees those of the companies he works in, and shared ones.

    ``path`` leads to the company, for lines through the record that they are part of: ``order_id.company_id``.
    """
    *steps, name = path.split(".")
    condition: Condition = Leaf((name,), "=", None) | Leaf((name,), "in", current.companies)
    for step in reversed(steps):
        condition = Leaf((step,), "any", condition)
    return Rule(condition)


@dataclass(frozen=True, slots=True)
class CheckedLink:
    """A link that must stay within a company: the field of a model, the model it leads to, and where the company is.

    ``owner`` is the link that leads to the record with the company (``order_id`` of a line), ``holder`` its model; for
    a record that says its company itself ``owner`` is empty.
    """

    model: str
    field: str
    target: str
    owner: str
    holder: str


class Conflict(NamedTuple):
    """A record that is linked to a record of another company."""

    model: str
    field: str
    id: int


# -- when a registry is built ------------------------------------------------------------------------------------------


def checked_links(models: Models) -> tuple[CheckedLink, ...]:
    """Give the links that declare ``check_company``. Raises ``ConfigError`` for those that cannot be checked."""
    return tuple(
        _checked(models, info, field)
        for info in models.values()
        for field in info.fields.values()
        if isinstance(field, Many2one | Many2many) and field.check_company
    )


def with_company_checks(models: Models) -> dict[str, ModelInfo]:
    """Give the models with the methods that check their links, and what each of these watches."""
    links = checked_links(models)
    return {
        name: replace(info, constraints=(*info.constraints, *_constraints(links, name)))
        for name, info in models.items()
    }


def _constraints(links: Iterable[CheckedLink], model: str) -> Iterator[tuple[str, frozenset[str]]]:
    own = {name for link in links if link.model == model for name in (link.field, link.owner or COMPANY)}
    if own:
        yield METHOD, frozenset(own)
    if any(model in (link.target, link.holder) for link in links):
        yield REVERSE, frozenset((COMPANY,))


def _checked(models: Models, info: ModelInfo, field: Many2one[Any] | Many2many[Any]) -> CheckedLink:
    *steps, name = info.cls._company.split(".")
    here = info
    for step in steps:
        link = here.fields.get(step)
        if not isinstance(link, Many2one) or not link.stored or link.company_dependent:
            raise ConfigError(f"{info.name}: {step} of its way to the company is no link to one record.")
        here = models[link.comodel]
    target = models[field.comodel]
    for model in (here, target):
        company = model.fields.get(COMPANY)
        if not isinstance(company, Many2one) or not company.stored or name != COMPANY or len(steps) > 1:
            raise ConfigError(
                f"{info.name}.{field.name} is to stay within a company, but {model.name} has no {COMPANY}; where it is"
                " that of another record, say _company = 'order_id.company_id'."
            )
    if (not field.stored and isinstance(field, Many2one)) or field.company_dependent:
        raise ConfigError(f"{info.name}.{field.name} has no column of its own that could be checked.")
    return CheckedLink(info.name, field.name, target.name, steps[0] if steps else "", here.name)


# -- when records change -----------------------------------------------------------------------------------------------


def refuse_foreign_links(records: Model) -> None:
    """Raise ``ValidationError`` when some of these records are linked to records of another company."""
    env, info = records.env, records._info
    for link in env.registry.company_links:
        if link.model != info.name:
            continue
        ids = [record.id for record in records if record._value(link.field)]
        if not ids:
            continue
        these = among(sql("t.id"), ids)
        # What its writer cannot see looks like a conflict to him; only then somebody has to look who sees everything.
        if _conflicts(env, link, these) and _conflicts(env._elevated_for(REASON, __name__), link, these):
            raise _refusal(env, link)


def refuse_links_of_others(records: Model) -> None:
    """Raise ``ValidationError`` when others are linked to these records, which have come to another company."""
    env, info = records.env, records._info
    for link in env.registry.company_links:
        wanted: list[Sql] = []
        given = [record.id for record in records if record._value(COMPANY)]
        if link.target == info.name and given:  # what all companies share is fit for everybody
            wanted.append(_linked_to(env, link, given))
        if link.owner and link.holder == info.name:
            wanted.append(among(sql("t.{owner}", owner=ident(link.owner)), records.ids))
        if wanted and _conflicts(env._elevated_for(REASON, __name__), link, join(" OR ", wanted)):
            raise _refusal(env, link)


def company_conflicts(env: Env) -> list[Conflict]:
    """Give every link between companies that should not be there: the proof that there is none."""
    worker = env._elevated_for(REASON, __name__)
    worker.flush()
    return [
        Conflict(link.model, link.field, record_id)
        for link in env.registry.company_links
        for record_id in _conflicts(worker, link, sql("true"))
    ]


def _conflicts(env: Env, link: CheckedLink, where: Sql) -> list[int]:
    info = env.registry.models[link.model]
    field = info.fields[link.field]
    own = sql("t.{company}", company=_COMPANY)
    if link.owner:
        own = sql(
            "(SELECT o.{company} FROM {holder} o WHERE o.id = t.{owner})",
            company=_COMPANY, holder=ident(env.registry.models[link.holder].table), owner=ident(link.owner),
        )  # fmt: skip
    target = ident(env.registry.models[link.target].table)
    if isinstance(field, Many2many):
        foreign = sql(
            "EXISTS (SELECT FROM {rel} r WHERE r.source_id = t.id AND {foreign})",
            rel=ident(field.relation(info.table)), foreign=_foreign(sql("r.target_id"), own, target),
        )  # fmt: skip
    else:
        column = sql("t.{link}", link=ident(link.field))
        foreign = sql("{c} IS NOT NULL AND {foreign}", c=column, foreign=_foreign(column, own, target))
    return env.execute(
        sql("SELECT t.id FROM {t} t WHERE ({where}) AND {foreign}", t=ident(info.table), where=where, foreign=foreign)
    ).column(int)


def _foreign(link: Sql, own: Sql, target: Sql) -> Sql:
    return sql(
        "NOT EXISTS (SELECT FROM {target} c WHERE c.id = {link} AND (c.{company} IS NULL OR c.{company} = {own}))",
        target=target, link=link, company=_COMPANY, own=own,
    )  # fmt: skip


def _linked_to(env: Env, link: CheckedLink, ids: list[int]) -> Sql:
    info = env.registry.models[link.model]
    field = info.fields[link.field]
    if isinstance(field, Many2many):
        these = among(sql("r.target_id"), ids)
        relation = ident(field.relation(info.table))
        return sql("t.id IN (SELECT r.source_id FROM {rel} r WHERE {these})", rel=relation, these=these)
    return among(sql("t.{link}", link=ident(link.field)), ids)


def _refusal(env: Env, link: CheckedLink) -> ValidationError:
    info = env.registry.models[link.model]
    return ValidationError(
        _(
            "{label} of {model}: choose a record of the same company, or one that all companies share.",
            label=info.fields[link.field].label,
            model=info.description,
        )
    )


_COMPANY: Final = ident(COMPANY)
REASON: Final = "records of one company are not linked to those of another, whoever may see them"
