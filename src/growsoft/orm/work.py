"""One unit of work: a transaction, what was read in it, what is still to be written, and who acts right now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from growsoft.errors import GrowsoftError
from growsoft.orm.graph import Node, Trigger
from growsoft.orm.recompute import awaited, settle
from growsoft.orm.statements import write_dirty, write_waiting
from growsoft.postgres.refusals import ContextRefused
from growsoft.postgres.sql import Sql, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.registry import ModelInfo
    from growsoft.postgres.context import Context, Door
    from growsoft.postgres.transaction import Result, Transaction

Raw = dict[str, Any]
Seen = tuple[int, str]  # a context, by its door, and the language in which texts are read
Todo = defaultdict[tuple[str, str], dict[int, None]]

# How often checks may change what they check before that is taken for a defect.
MAX_ROUNDS: Final = 20

# Profiles are named by their content, so what was read once holds for ever and for every database of a cluster.
_profiles: dict[str, frozenset[str]] = {}
_PROFILE_GROUPS: Final = sql(
    "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.member JOIN pg_roles g ON g.oid = m.roleid"
    " WHERE p.rolname = {profile} AND m.inherit_option",
    profile="",
)


class WorkSpoiled(GrowsoftError):
    """A change failed half-way and the error was passed over without a savepoint, so nothing was saved."""


class WorkEnded(GrowsoftError):
    """These records belong to a transaction that has ended; read them anew. This is a defect, please report it."""


class ChecksEndless(GrowsoftError):
    """The checks of an app keep changing what they check; this is a defect, please report it."""


class Cache:
    """What one context has read, by model and id, and what it has yet to write.

    Each context has its own, and each language: what elevated code read must not be seen by the one who asked.
    ``seen`` are ids that the context is known to see.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.records: defaultdict[str, dict[int, Raw]] = defaultdict(dict)
        self.seen: defaultdict[str, set[int]] = defaultdict(set)
        self.dirty: defaultdict[str, dict[int, Raw]] = defaultdict(dict)
        self.unchecked: Todo = defaultdict(dict)

    def forget(self) -> None:
        """Drop what was read; what waits to be written stays."""
        self.records.clear()
        self.seen.clear()
        for model, rows in self.dirty.items():
            for record_id, values in rows.items():
                self.records[model][record_id] = dict(values)

    def forget_field(self, model: str, name: str, ids: Iterable[int] | None = None) -> None:
        """Drop one field's values, of some records or of all."""
        rows = self.records[model]
        for record_id in list(rows) if ids is None else ids:
            row = rows.get(record_id)
            if row is not None:
                row.pop(name, None)

    def clear(self) -> None:
        """Drop everything: the savepoint it belonged to was undone."""
        for part in (self.records, self.seen, self.dirty, self.unchecked):
            part.clear()


class Work:
    """A transaction shared by environments that differ in who acts (sudo) or in language.

    ``todo`` are the records for which a stored field is to be worked out, ``leads`` those from which such records are
    still to be found: stored values are facts of the database, so these belong to no context.
    """

    def __init__(self, transaction: Transaction, door: Door) -> None:
        """Start in the context by which the transaction was entered."""
        self.transaction = transaction
        self.door = door
        self.caches: dict[Seen, Cache] = {}
        self.envs: dict[Seen, Env] = {}  # one for each of them; it holds the door, whose id is in the key
        self.elevated: dict[tuple[object, ...], Env] = {}
        self.todo: defaultdict[Node, dict[int, None]] = defaultdict(dict)
        self.leads: defaultdict[Trigger, dict[int, None]] = defaultdict(dict)
        self._streams: list[Generator[list[tuple[Any, ...]]]] = []
        self.settling = False
        self.held: set[str] = set()  # named locks
        self.declared = False  # whether an administrator added something that the keeper has to make
        self._spoiled = False
        self._ended = False

    def enter(self, env: Env) -> Cache:
        """Take an environment in and give its cache: one for each context and language."""
        key = (id(env.door), env.lang)
        self.envs.setdefault(key, env)
        return self.caches.setdefault(key, Cache())

    def execute(self, env: Env, query: Sql) -> Result:
        """Run a statement as the one whom ``env`` stands for; flips the context when somebody else acted last."""
        self._act_as(env)
        return self.transaction.execute(query)

    def attempt(self, env: Env, query: Sql) -> Result:
        """Run a statement that may be refused: the transaction can still be asked why."""
        self._act_as(env)
        with self.transaction.savepoint():
            return self.transaction.execute(query)

    def stream(self, env: Env, query: Sql, size: int) -> Generator[list[tuple[Any, ...]]]:
        """Run a query as the one whom ``env`` stands for, and give its rows in batches.

        Others may act in between, in elevated hands for instance: each batch is fetched as the one who asked, because
        PostgreSQL refuses a plan that was made for somebody else (docs/decisions/0013).
        """
        self._act_as(env)
        batches = self.transaction.stream(query, size)
        self._streams.append(batches)
        try:
            while (rows := next(batches, None)) is not None:
                yield rows
                self._act_as(env)
        finally:
            batches.close()
            self._streams.remove(batches)

    def _act_as(self, env: Env) -> None:
        if self._ended:
            raise WorkEnded
        if self.door is not env.door:
            self._flip(env.door)

    def enter_by(self, env: Env, door: Door) -> Context:
        """Let whoever ``env`` stands for act by another door of his from here on; give what he may be there."""
        self._flip(env.door)
        self._flip(door)
        context = self.transaction.context
        if context is None:
            raise ContextRefused("Nobody entered by this door.")
        return context

    @property
    def waiting(self) -> bool:
        """Whether stored values wait to be worked out."""
        return bool(self.todo or self.leads)

    def prepare(self, env: Env, names: Iterable[str]) -> None:
        """Write what a query must see: all that waits, and stored values when they, or what rules look at, wait."""
        write_waiting(self)
        if self.waiting:
            asked = env.registry.dependencies.by_name
            nodes = [node for name in {*names, *env.registry.always_asked} for node in asked.get(name, ())]
            if awaited(env, nodes):
                settle(env)

    def flush(self) -> None:
        """Write, work out and check until nothing is left."""
        with self.whole():
            for _round in range(MAX_ROUNDS):
                write_waiting(self)
                if self.waiting:
                    settle(next(iter(self.envs.values())))
                if not any(cache.unchecked for cache in self.caches.values()):
                    return
                self._check()
            raise ChecksEndless

    @contextmanager
    def whole(self) -> Generator[None]:
        """Do all of something or nothing: when it fails half-way, the transaction cannot be committed any more."""
        try:
            yield
        except BaseException:
            self.spoil()
            raise

    def spoil(self) -> None:
        """Let the transaction end without saving anything, whatever happens to the error."""
        self._spoiled = True

    @contextmanager
    def savepoint(self) -> Generator[None]:
        """Undo what happens inside when it fails, and go on with what was there before."""
        self.flush()
        before = (self.door, self._spoiled)
        try:
            with self.transaction.savepoint():
                yield
                self.flush()
        except BaseException:
            self.door, self._spoiled = before
            self.held.clear()
            self.todo.clear()
            self.leads.clear()
            for cache in self.caches.values():
                cache.clear()
            raise

    def finish(self) -> None:
        """Write everything; what was spoiled is not to be committed."""
        self.flush()
        if self._spoiled:
            raise WorkSpoiled

    def end(self) -> None:
        """Let nobody use the connection under what was read here: it serves somebody else by then."""
        self._ended = True
        for stream in self._streams:  # closing one later would speak into somebody else's transaction
            stream.close()

    def wrote(self, env: Env, info: ModelInfo, ids: Iterable[int], names: Iterable[str]) -> None:
        """Some fields of some records were written by ``env``: what others have read of them is old."""
        for cache in self.caches.values():
            for stamp in _CHANGED_STAMPS:
                cache.forget_field(info.name, stamp, ids)
            if cache is not env.cache:
                for name in names:
                    cache.forget_field(info.name, name, ids)
        self.relinked(info, names)

    def relinked(self, info: ModelInfo, names: Iterable[str]) -> None:
        """Records of a model were made, or changed in fields by which they are listed elsewhere."""
        for name in names:
            for parent, lines in info.listed_by.get(name, ()):
                for cache in self.caches.values():
                    cache.forget_field(parent, lines)

    def done(self, node: Node, ids: Iterable[int]) -> None:
        """A stored value need not be worked out for some records: somebody gave it."""
        left = self.todo.pop(node, {}).keys() - set(ids)
        if left:
            self.todo[node] = dict.fromkeys(left)

    def gone(self, model: str, ids: Iterable[int]) -> None:
        """Records were deleted: nothing waits for them any more, and lists that were read may hold them."""
        waiting: list[Todo] = [self.todo, *(cache.unchecked for cache in self.caches.values())]
        for todo in waiting:
            for key in [key for key in todo if key[0] == model]:
                todo[key] = dict.fromkeys(todo[key].keys() - set(ids))
                if not todo[key]:
                    del todo[key]
        for cache in self.caches.values():
            cache.forget()

    def groups(self, profile: str) -> frozenset[str]:
        """Give the roles of the groups a profile stands for."""
        found = _profiles.get(profile)
        if found is None:
            found = frozenset(self.transaction.execute(_PROFILE_GROUPS.rebind((profile,))).column(str))
            if found:  # a transaction that began before the profile was made does not see its groups yet
                _profiles[profile] = found
        return found

    def _check(self) -> None:
        for env in list(self.envs.values()):
            waiting = {key: tuple(ids) for key, ids in env.cache.unchecked.items()}
            env.cache.unchecked.clear()
            for (model, method), ids in waiting.items():
                getattr(env[model].browse(ids), method)()

    def _flip(self, door: Door) -> None:
        # What waits was decided by the one who acted until now; it is written under his rights, never under others'.
        for before in list(self.envs.values()):
            if before.door is self.door and before.cache.dirty:
                write_dirty(before)
        if door is not self.door:
            self.transaction.switch(door)
            self.door = door


_CHANGED_STAMPS: Final = ("write_uid", "write_date", "version")
