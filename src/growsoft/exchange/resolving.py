"""Resolving: the names of linked records in a batch of rows become ids, with one look-up for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from growsoft.exchange.links import Links, Scope
from growsoft.exchange.report import Faults
from growsoft.exchange.rows import Row
from growsoft.exchange.targets import Target
from growsoft.orm import Env
from growsoft.orm.fields import Relation


class Resolving:
    """Resolves the links of rows.

    A row that names a record of its own model which is not there yet waits: the record may stand further down.
    """

    def __init__(self, env: Env, model: str, targets: Sequence[Target], faults: Faults) -> None:
        """Prepare the look-up of each link; what is looked for inside of another link comes after it."""
        self._model = model
        self._faults = faults
        found = [(target, _links(env, target)) for target in targets if target.reader is None]
        self._links = sorted(found, key=lambda pair: bool(pair[1].within))

    def resolve(self, rows: Sequence[Row], *, last: bool = False) -> None:
        """Put ids where names were. With ``last`` nothing can come any more: rows that would wait are refused."""
        for row in rows:
            row.awaits.clear()
        for target, links in self._links:
            concerned = [row for row in rows if target.name in row.names]
            wanted = {(name, _scope(row, links)) for row in concerned for name in row.names[target.name]}
            if wanted:
                links.look_up(wanted)
                for row in concerned:
                    ids = [self._one(row, target, links, name, last=last) for name in row.names[target.name]]
                    row.values[target.name] = ids[0] if target.kind == "link" else ids

    def provided(self, row: Row) -> set[str]:
        """Give the names by which other rows of the file may look for the record of this one."""
        own = [links for _target, links in self._links if links.model == self._model]
        names = {name for links in own for name in links.own_fields}
        found = {value for name in names if isinstance(value := row.values.get(name), str)}
        return found | ({row.external} if row.external and any(links.by_external for links in own) else set())

    def _one(self, row: Row, target: Target, links: Links, name: str, *, last: bool) -> int | None:
        scope = _scope(row, links)
        found = links.find(name, scope)
        if found is None and links.makes and not row.broken:
            found = links.make(name, scope)
        if found is not None:
            return found
        if links.model == self._model and not last and name not in links.ambiguous:
            row.awaits.add(name)
        elif not links.makes:
            row.broken = True
            self._faults.add(row.line, target.label, row.texts.get(target.name, name), links.nothing(name))
        return None


def _links(env: Env, target: Target) -> Links:
    link = target.declared()
    if not isinstance(link, Relation):
        raise TypeError(f"{target.name} is no link")
    return Links(env, env.registry[link.comodel], target.path)


def _scope(row: Row, links: Links) -> Scope:
    scope = row.values.get(links.within) if links.within else None
    return scope if isinstance(scope, int) else 0
