"""One call from outside: a model, a method and its arguments, checked before anything runs.

Reachable are the methods of ``methods.METHODS`` on every model, and what a model marks with ``@api.public``; nothing
else exists for the outside (claim SW-4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from growsoft.errors import AccessError, ValidationError
from growsoft.orm import Env, Locale, ModelInfo, Registry
from growsoft.orm.narrow import is_id, is_mapping, is_sequence
from growsoft.web.calling import NoSuchMethod, typed
from growsoft.web.odoo.methods import METHODS, Method, Mode, Subject
from growsoft.web.odoo.wire import plain

# What a caller may say about himself and his call; everything else in a context is dropped.
CONTEXT_KEYS: Final = frozenset(("lang", "tz", "active_test", "bin_size"))
MODEL_LEVEL: Final = frozenset(("user_has_groups", "context_get"))


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked for: positional arguments and named ones, ids among the first unless they came by themselves."""

    model: str
    method: str
    args: Sequence[object] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict[str, object])

    def mode(self, registry: Registry) -> Mode:
        """Say whether the call only reads: then its transaction is READ ONLY."""
        known = METHODS.get(self.method)
        if known is not None:
            return known.mode
        return "read" if self.method in MODEL_LEVEL or self._public(registry) == "read" else "write"

    def run(self, env: Env) -> Any:  # noqa: ANN401  whatever goes to the wire
        """Do it with the rights of the environment. Raises ``AccessError`` for what is private, and our own errors."""
        info = self._info(env.registry)
        kwargs = dict(self.kwargs)
        context = _context(kwargs.pop("context", None))
        env = env.in_locale(_locale(env, context))
        known = METHODS.get(self.method)
        if known is not None:
            return self._known(env, info, known, context, kwargs)
        if self.model == "res.users" and self.method == "context_get":
            return {"lang": env.lang, "tz": env.tz, "uid": env.user_id}
        return plain(self._own(env, info, kwargs))

    def _info(self, registry: Registry) -> ModelInfo:
        if self.method.startswith("_"):
            raise AccessError(f"Private methods (such as '{self.model}.{self.method}') cannot be called remotely.")
        return registry[self.model]

    def _public(self, registry: Registry) -> str | None:
        info = registry.models.get(self.model)
        return None if info is None else info.public.get(self.method)

    def _known(
        self, env: Env, info: ModelInfo, known: Method, context: Mapping[str, object], kwargs: dict[str, object]
    ) -> object:
        args = list(self.args)
        records = env[info.name]
        if known.on_records:
            records = records.browse(_ids(kwargs.pop("ids", None) if not args else args.pop(0)))
        names = known.parameters()
        if len(args) > len(names) or not kwargs.keys() <= set(names):
            raise ValidationError(f"{self.method} takes the arguments {', '.join(names) or 'none'}.")
        if twice := set(names[: len(args)]) & kwargs.keys():
            raise ValidationError(f"{self.method} got {', '.join(sorted(twice))} twice.")
        return known.run(Subject(records, info, context), *args, **kwargs)

    def _own(self, env: Env, info: ModelInfo, kwargs: dict[str, object]) -> object:
        if self.method not in info.public:
            raise NoSuchMethod(f"{info.name} has no method {self.method[:60]!r} for callers from outside.")
        args = list(self.args)
        ids = kwargs.pop("ids", None) if not args else args.pop(0)
        records = env[info.name].browse(_ids(ids)) if ids is not None else env[info.name]
        if records and len(records.exists()) < len(records):
            raise AccessError
        return typed(getattr(type(records), self.method), records, args, kwargs)


def _context(given: object) -> dict[str, object]:
    """Keep what a caller may say: his language and zone, what lists leave out, and defaults of new records."""
    if given in (None, False, ()):
        return {}
    if not is_mapping(given):
        raise ValidationError("A context is a dictionary.")
    return {key: value for key, value in given.items() if key in CONTEXT_KEYS or key.startswith("default_")}


def _locale(env: Env, context: Mapping[str, object]) -> Locale:
    """Give the language and zone that a caller wants; what nobody knows changes nothing."""
    lang, zone = context.get("lang"), context.get("tz")
    known = lang if isinstance(lang, str) and lang in env.registry.languages else env.locale.lang
    return Locale(known, zone if isinstance(zone, str) and zone in _zones() else env.locale.tz)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _ids(given: object) -> tuple[int, ...]:
    """Take ids: one, or a list of them."""
    if is_id(given):
        return (given,)
    if given in (None, False):
        return ()
    if not is_sequence(given) or not all(map(is_id, given)):
        raise ValidationError("The records of a call are given by a list of their ids.")
    return tuple(i for i in given if is_id(i))
