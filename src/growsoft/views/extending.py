"""Extending: what apps change in a view of another app, put in place; an anchor that is not there is an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from growsoft.errors import ConfigError
from growsoft.views.values import Extension, Form, Group, Lines, List, Part, Section, Step, Tab

Leaf = Group | Lines


class NoAnchor(ConfigError):
    """A view is changed beside something that it does not show."""


def extended_form(form: Form, extension: Extension) -> Form:
    """Return a form with a change. Raises `NoAnchor` that says what there is."""
    for step in extension.steps:
        form = form.with_tree(_tree(form, step))
    return form


def extended_list(view: List, extension: Extension) -> List:
    """Return a list with a change. Raises `NoAnchor` that says what there is."""
    for step in extension.steps:
        names = _texts(step, f"the list of {view.model}")
        found = names_with(view.columns, step, names)
        if found is None:
            raise _nowhere(step, f"The list of {view.model}", view.columns, ())
        if not found:
            raise NoAnchor(f"Without {step.anchor} the list of {view.model} has no columns.")
        view = view.with_columns(found)
    return view


def names_with(names: tuple[str, ...], step: Step, added: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return names after a step, or None when its anchor is none of them."""
    if isinstance(step.anchor, Section):
        return (*names, *added) if step.where == "end" and not step.anchor.title else None
    if step.anchor not in names:
        return None
    at = names.index(step.anchor)
    before, after = {
        "after": (at + 1, at + 1), "before": (at, at), "replace": (at, at + 1), "remove": (at, at + 1),
        "end": (len(names), len(names)),
    }[step.where]  # fmt: skip
    return (*names[:before], *added, *names[after:])


# -- forms -------------------------------------------------------------------------------------------------------------


def _tree(form: Form, step: Step) -> tuple[Part, ...]:
    """Return the parts of a form after a step."""
    if step.inside:
        return _in_lines(form, step)
    if step.where == "end":
        return _at_end(form, step)
    change = _Change(step)
    tree = change.tree(form.tree)
    if not change.done:
        raise _nowhere(step, f"The form of {form.model}", form.fields, form.titles)
    if not tree:
        raise NoAnchor(f"Without {_called(step)} the form of {form.model} shows nothing.")
    return tree


@dataclass(slots=True)
class _Change:
    """A step on its way through the parts of a form; it is done at the first place that fits."""

    step: Step
    done: bool = False

    def tree(self, parts: Iterable[Part]) -> tuple[Part, ...]:
        return tuple(one for part in parts for one in self._part(part))

    def _part(self, part: Part) -> tuple[Part, ...]:
        if self.done:
            return (part,)
        if self._is(part):
            self.done = True
            return self._beside(part)
        if isinstance(part, Tab):
            inner = tuple(one for one in self.tree(part.parts) if not isinstance(one, Tab))
            return (Tab(part.title, *inner),) if inner else ()
        return self._in_group(part) if isinstance(part, Group) else (part,)

    def _is(self, part: Part) -> bool:
        """Say whether a part itself is the anchor."""
        if isinstance(self.step.anchor, Section):
            return not isinstance(part, Lines) and bool(part.title) and part.title == self.step.anchor.title
        return isinstance(part, Lines) and part.field == self.step.anchor

    def _beside(self, part: Part) -> tuple[Part, ...]:
        """Put what is added beside a part; loose fields make a group of their own there."""
        added = _as_parts(self.step)
        match self.step.where:
            case "after":
                return (part, *added)
            case "before":
                return (*added, part)
            case _:
                return added

    def _in_group(self, part: Group) -> tuple[Part, ...]:
        names = tuple(item for item in self.step.items if isinstance(item, str))
        found = names_with(part.fields, self.step, names)
        if found is None:
            return (part,)
        self.done = True
        kept: tuple[Part, ...] = (Group(part.title, *found),) if found else ()
        parts = tuple(item for item in self.step.items if not isinstance(item, str))
        return (*parts, *kept) if self.step.where == "before" else (*kept, *parts)


def _at_end(form: Form, step: Step) -> tuple[Part, ...]:
    """Put something at the end of a form, of a tab, or of a group."""
    title = step.anchor.title if isinstance(step.anchor, Section) else step.anchor
    if not title:
        return (*form.tree, *_as_parts(step))
    grown = _Grown(step, title)
    tree = tuple(grown.part(part) for part in form.tree)
    if not grown.done:
        raise _nowhere(step, f"The form of {form.model}", form.fields, form.titles)
    return tree


@dataclass(slots=True)
class _Grown:
    """Something at the end of a tab or a group of this title."""

    step: Step
    title: str
    done: bool = False

    def part(self, part: Part) -> Part:
        if isinstance(part, Tab):
            if part.title == self.title and not self.done:
                self.done = True
                return Tab(part.title, *part.parts, *_leaves(self.step))
            return Tab(part.title, *map(self._leaf, part.parts))
        return self._leaf(part)

    def _leaf(self, part: Leaf) -> Leaf:
        if self.done or not isinstance(part, Group) or part.title != self.title:
            return part
        self.done = True
        return Group(part.title, *part.fields, *_texts(self.step, f"the group {self.title}"))


def _in_lines(form: Form, step: Step) -> tuple[Part, ...]:
    """Change the columns of a table of lines."""
    table = next((part for part in form.parts if isinstance(part, Lines) and part.field == step.inside), None)
    if table is None:
        lines = tuple(part.field for part in form.parts if isinstance(part, Lines))
        raise NoAnchor(f"The form of {form.model} has no lines {step.inside}; it has {_listed(lines)}.")
    names = _texts(step, f"the lines {step.inside}")
    found = names_with(table.columns, step, names)
    if found is None:
        raise _nowhere(step, f"The lines {step.inside} of {form.model}", table.columns, ())

    def changed(part: Leaf) -> Leaf:
        return Lines(table.field, *found) if part == table else part

    return _mapped(form.tree, changed)


def _mapped(tree: Iterable[Part], change: Callable[[Leaf], Leaf]) -> tuple[Part, ...]:
    return tuple(Tab(part.title, *map(change, part.parts)) if isinstance(part, Tab) else change(part) for part in tree)


def _as_parts(step: Step) -> tuple[Part, ...]:
    """Return what is added as parts."""
    names = tuple(item for item in step.items if isinstance(item, str))
    parts = tuple(item for item in step.items if not isinstance(item, str))
    return (Group("", *names), *parts) if names else parts


def _leaves(step: Step) -> tuple[Leaf, ...]:
    return tuple(part for part in _as_parts(step) if not isinstance(part, Tab))


def _texts(step: Step, where: str) -> tuple[str, ...]:
    """Return what is added as fields; raises `NoAnchor` for a part where only fields can be."""
    names = tuple(item for item in step.items if isinstance(item, str))
    if len(names) < len(step.items):
        raise NoAnchor(f"Only fields can be put into {where}.")
    return names


def _nowhere(step: Step, what: str, names: Iterable[str], titles: Iterable[str]) -> NoAnchor:
    sections = f", and the sections {_listed(titles)}" if tuple(titles) else ""
    return NoAnchor(f"{what} has no {_called(step)} to change it there; it has {_listed(names)}{sections}.")


def _called(step: Step) -> str:
    return f"section {step.anchor.title!r}" if isinstance(step.anchor, Section) else step.anchor


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
