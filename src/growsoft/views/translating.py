"""Translating: the titles in views in another language."""

from __future__ import annotations

from dataclasses import replace

from growsoft.views.declared import Declarations, Own
from growsoft.views.values import Action, Form, Group, GroupBy, Lines, List, Part, Search, Tab
from growsoft.words import Terms


def translated(declared: Declarations, terms: Terms) -> Declarations:
    """Return what apps declare with its titles in a language."""
    return Declarations(
        views={name: _own(own, terms) for name, own in declared.views.items()},
        menus=tuple(
            replace(menu, title=terms.text(menu.title), section=terms.text(menu.section)) for menu in declared.menus
        ),
    )


def _own(own: Own, terms: Terms) -> Own:
    return replace(
        own,
        form=None if own.form is None else _form(own.form, terms),
        list=None if own.list is None else _list(own.list, terms),
        search=None if own.search is None else _search(own.search, terms),
    )


def _form(form: Form, terms: Terms) -> Form:
    return form.with_tree(tuple(_part(part, terms) for part in form.tree)).with_actions(_actions(form.actions, terms))


def _part(part: Part, terms: Terms) -> Part:
    match part:
        case Group():
            return _group(part, terms)
        case Lines():
            return part
        case Tab():
            inner = (_group(one, terms) if isinstance(one, Group) else one for one in part.parts)
            return Tab(terms.text(part.title), *inner)


def _group(group: Group, terms: Terms) -> Group:
    return Group(terms.text(group.title), *group.fields)


def _list(view: List, terms: Terms) -> List:
    return view.with_actions(_actions(view.actions, terms))


def _search(search: Search, terms: Terms) -> Search:
    return Search(
        search.model,
        *search.fields,
        filters=tuple(replace(known, title=terms.text(known.title)) for known in search.filters),
        groups=tuple(GroupBy(terms.text(known.title), known.key) for known in search.groups),
    )


def _actions(actions: tuple[Action, ...], terms: Terms) -> tuple[Action, ...]:
    return tuple(
        Action(terms.text(action.title), action.method, when=action.when, confirm=terms.text(action.confirm))
        for action in actions
    )
