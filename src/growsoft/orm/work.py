"""One unit of work: a transaction, what was read in it, what is still to be written, and who acts right now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from growsoft.postgres.sql import Sql, sql

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.postgres.context import Door
    from growsoft.postgres.transaction import Result, Transaction

Raw = dict[str, Any]

# Profiles are named by their content, so what was read once holds for ever and for every database of a cluster.
_profiles: dict[str, frozenset[str]] = {}
_PROFILE_GROUPS: Final = sql(
    "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles p ON p.oid = m.member JOIN pg_roles g ON g.oid = m.roleid"
    " WHERE p.rolname = {profile} AND m.inherit_option",
    profile="",
)


class Cache:
    """What one context has read, by model and id, and what it has yet to write.

    Each context has its own: what elevated code read must not be seen by the one who asked.
    """

    def __init__(self) -> None:
        """Start empty."""
        self.records: defaultdict[str, dict[int, Raw]] = defaultdict(dict)
        self.dirty: defaultdict[str, dict[int, Raw]] = defaultdict(dict)
        self.todo: defaultdict[tuple[str, str], dict[int, None]] = defaultdict(dict)
        self.unchecked: defaultdict[tuple[str, str], dict[int, None]] = defaultdict(dict)

    @property
    def pending(self) -> bool:
        """Whether anything waits to be written, worked out or checked."""
        return any(self.dirty.values()) or any(self.todo.values()) or any(self.unchecked.values())

    def forget(self) -> None:
        """Drop what was read; what waits to be written stays."""
        self.records.clear()
        for model, rows in self.dirty.items():
            for record_id, values in rows.items():
                self.records[model][record_id] = dict(values)

    def forget_field(self, model: str, name: str, ids: Iterable[int] | None = None) -> None:
        """Drop one field's values, of some records or of all."""
        rows = self.records[model]
        for record_id in list(rows) if ids is None else ids:
            if record_id in rows:
                rows[record_id].pop(name, None)

    def drop(self, model: str, ids: Iterable[int]) -> None:
        """Let nothing wait for records that were deleted."""
        computed = [rows for (owner, _name), rows in (*self.todo.items(), *self.unchecked.items()) if owner == model]
        for record_id in ids:
            self.dirty[model].pop(record_id, None)
            for rows in computed:
                rows.pop(record_id, None)

    def clear(self) -> None:
        """Drop everything: the savepoint it belonged to was undone."""
        for part in (self.records, self.dirty, self.todo, self.unchecked):
            part.clear()


class Work:
    """A transaction shared by environments that differ in who acts (sudo) or in language."""

    def __init__(self, transaction: Transaction, door: Door) -> None:
        """Start in the context by which the transaction was entered."""
        self.transaction = transaction
        self.door = door
        self.caches: dict[int, Cache] = {}
        self.envs: dict[int, Env] = {}
        # One for each place and reason: a thousand records that ask make one more context, not a thousand.
        self.elevations: dict[tuple[object, ...], Env] = {}

    def cache(self, door: Door) -> Cache:
        """Give the cache of a context."""
        return self.caches.setdefault(id(door), Cache())

    def execute(self, env: Env, query: Sql) -> Result:
        """Run a statement as the one whom ``env`` stands for; flips the context when somebody else acted last."""
        if self.door is not env.door:
            self._flip(env)
        return self.transaction.execute(query)

    def written(self, env: Env) -> None:
        """Something was written by ``env``: what other contexts have read may be old."""
        for key, cache in self.caches.items():
            if key != id(env.door):
                cache.forget()

    def flush(self) -> None:
        """Write everything that waits, in every context."""
        for env in list(self.envs.values()):
            env.flush()

    def groups(self, profile: str) -> frozenset[str]:
        """Give the roles of the groups a profile stands for."""
        found = _profiles.get(profile)
        if found is None:
            rows = self.transaction.execute(_PROFILE_GROUPS.rebind((profile,)))
            found = _profiles[profile] = frozenset(rows.column())
        return found

    def _flip(self, env: Env) -> None:
        # What waits was decided by the one who acted until now; it is written under his rights, never under others'.
        before = self.envs.get(id(self.door))
        if before is not None and before.cache.pending:
            before.flush()
        self.transaction.switch(env.door)
        self.door = env.door
