"""Finding claims: every distribution brings its own, by entry points; the policy's order holds for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.metadata import entry_points
from itertools import pairwise
from typing import Final

from growsoft.errors import ConfigError, UserError
from growsoft.trust.claim import Claim

ENTRY_POINT: Final = "growsoft.claims"


class ClaimNotFound(UserError):
    """There is no such claim."""


def all_claims() -> list[Claim]:
    """Return the claims of all installed distributions; raises ``ConfigError`` when two have one id."""
    return ordered(claim for entry in entry_points(group=ENTRY_POINT) for claim in _of(entry.load(), entry.name))


def ordered(claims: Iterable[Claim]) -> list[Claim]:
    """Sort claims as the policy has them."""
    found = sorted(claims, key=lambda claim: claim.order)
    for claim, following in pairwise(found):
        if claim.id == following.id:
            raise ConfigError(f"The claim {claim.id} comes from two distributions; remove one of them.")
    return found


def chosen(claims: Sequence[Claim], ids: Sequence[str]) -> list[Claim]:
    """Return the claims that were asked for, all when none was named; raises ``ClaimNotFound``."""
    wanted = {name.upper() for name in ids}
    unknown = sorted(wanted - {claim.id for claim in claims})
    if unknown:
        raise ClaimNotFound(
            f"There is no claim {', '.join(unknown)}; `growsoft trust verify` lists all, {claims[0].id} for example."
        )
    return [claim for claim in claims if not wanted or claim.id in wanted]


def _of(loaded: object, name: str) -> Iterable[Claim]:
    if not isinstance(loaded, tuple):
        raise ConfigError(f"The entry point {name} of {ENTRY_POINT} gives no tuple of claims.")
    for claim in loaded:  # pyright: ignore[reportUnknownVariableType]  what was loaded is of no known type
        if not isinstance(claim, Claim):
            raise ConfigError(f"The entry point {name} of {ENTRY_POINT} gives something that is no claim.")
        yield claim
