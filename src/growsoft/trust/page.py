"""`python -m growsoft.trust.page`: prints the page that leads from each claim to its code and its tests."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from growsoft.trust.claim import CHAPTERS, Claim, Missing
from growsoft.trust.find import all_claims

# The page lies in docs/reference.
_UP: Final = "../.."

_TITLES: Final = {
    "BK": "Backups",
    "HA": "Hardware failover",
    "DR": "Disaster recovery",
    "DB": "Databases",
    "PW": "Passwords",
    "ST": "Staff access",
    "SY": "Systems",
    "PH": "Data centres",
    "CC": "Credit cards",
    "EN": "Encryption",
    "ND": "Network defence",
    "SW": "Software",
    "VR": "Vulnerability reports",
    "PL": "The policy itself",
}

_HEAD: Final = """\
# Claims

Every promise of the [security policy](../../src/growsoft/trust/policy.txt) is a claim: a value in the code with an id,
the policy's own sentence, what enforces it, a check, and the tests that try to break it. `growsoft trust verify`
gathers the evidence from the running system at that moment.

| state | means |
|---|---|
| `met` | checked on the running system; the evidence is younger than the claim's maximum age |
| `simulated` | the mechanism was checked; the world around it is played, by folders as data centres for example |
| `attested` | a human fact: who attests it, by which document, until when; expired, it is not met |
| `not met` | with what is missing and what to do; a check that could not run is not met |

Without arguments `growsoft trust verify` checks everything and ends with 0 when the checks ran, whatever they found;
`growsoft trust verify SW-7 DB-2` ends with 1 when one of those is not met. With `--json` it prints an array of
`{id, promise, state, evidence, checked_at, seconds, enforced_by, tests, todo}`; `--seconds` says how long the checks
may take together. Evidence names databases by their uuid, as `growsoft db list` shows it, and holds no secret and no
personal data. Other distributions add claims by the entry point `growsoft.claims`.

This page is written by `python -m growsoft.trust.page`.
"""


def page(claims: Sequence[Claim]) -> str:
    """Return the page."""
    parts = [_HEAD]
    for chapter in CHAPTERS:
        found = [claim for claim in claims if claim.id.startswith(f"{chapter}-")]
        if found:
            parts.append(f"\n## {_TITLES[chapter]}\n")
            parts += [_section(claim) for claim in found]
    return "".join(parts)


def _section(claim: Claim) -> str:
    lines = [f"\n### {claim.id}\n", f"> {claim.promise}\n"]
    if isinstance(claim.check, Missing):
        lines.append(f"**Not checked yet.** {claim.check.evidence}\n")
    else:
        how = claim.how[:1].upper() + claim.how[1:]
        lines.append(f"**Checked:** {how} The evidence counts for {claim.max_age.days} day(s).\n")
    if claim.enforced_by:
        label = "Enforced by" if claim.is_checked else "There so far"
        lines.append(f"**{label}:** {_links(claim.enforced_by, 'src/')}\n")
    if claim.tests:
        lines.append(f"**Proven by:** {_links(claim.tests, '')}\n")
    return "\n".join(lines)


def _links(files: Iterable[str], below: str) -> str:
    return ", ".join(f"[{file}]({_UP}/{below}{file})" for file in files)


if __name__ == "__main__":
    sys.stdout.write(page(all_claims()))
