"""Remote calls (SW-4): of all that models have, the outside reaches what was meant for it and nothing else."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from growsoft.errors import AccessError, GrowsoftError
from growsoft.orm import Env, Model, ModelInfo, open_env
from growsoft.trust.states import Finding, judged, met, not_met
from growsoft.trust.world import World
from growsoft.web.calling import NoSuchMethod
from growsoft.web.odoo.calls import Call
from growsoft.web.odoo.methods import METHODS

# What callers of such frameworks have reached for before; whatever else a model has is tried as well.
COVETED: Final = (
    "_cr", "env", "pool", "sudo", "browse", "with_user", "with_env", "execute", "flush", "registry", "__class__",
    "__init__", "__globals__", "_write", "_create", "_register_hook", "write_sudo", "init", "mapped", "search_fetch",
)  # fmt: skip
# A declared one, to see that the probe tells what is reached from what is not.
WITNESS: Final = "search_count"


def private_stays_private(world: World) -> Finding:
    """SW-4: every name of every model is called as the server calls it; only declared ones may answer."""
    problems: list[str] = []
    tried = models = 0
    for subject in world.subjects:
        door = subject.database.elevated("claim SW-4 is checked", caller=__name__)
        with suppress(_Undone), open_env(subject.database, subject.registry, door) as env:
            blind = [info.name for info in env.registry.models.values() if not reached(env, info, WITNESS)]
            if blind:
                return not_met(
                    f"The probe did not notice that {WITNESS} of {blind[0]} answers: its silence would prove nothing.",
                    "Mend growsoft.trust.remote.",
                )
            for info in env.registry.models.values():
                names = private_names(info)
                tried, models = tried + len(names), models + 1
                answering = [name for name in names if reached(env, info, name)]
                problems += [f"{subject.told}: {info.name}.{name} answers" for name in answering]
            raise _Undone
    return judged(
        problems,
        "Take the method out of growsoft.web.odoo.methods, or take @api.public away.",
        met(
            f"{tried:,} names of {models} models were called as the server calls them, with rights that no caller has:"
            f" none answered but the {len(METHODS)} methods of every model and what is marked public (the probe first"
            f" noticed a declared one on each)."
        ),
    )


def private_names(info: ModelInfo) -> list[str]:
    """Give the names that must not answer: all attributes of a model and what others have reached for."""
    declared = {*METHODS, *info.public}
    return sorted({*dir(info.cls), *dir(Model), *info.fields, *COVETED} - declared - _OWN.get(info.name, frozenset()))


def reached(env: Env, info: ModelInfo, name: str) -> bool:
    """Whether a call gets to a method, whatever that answers."""
    try:
        Call(info.name, name, ([],)).run(env)
    except (AccessError, NoSuchMethod):
        return False
    except GrowsoftError:
        return True
    return True


_OWN: Final = {"res.users": frozenset(("context_get",))}


class _Undone(Exception):
    """Ends a transaction without keeping anything of it."""
