"""`python -m tests.mutants [WORD...]`: plant the defects whose name has one of the words, or all of them.

Exit code 1 when a mutant survives, 2 when the tests fail without any.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

from tests.mutants.catalogue import MUTANTS
from tests.mutants.run import Hunt, healthy, hunt


def main(arguments: Sequence[str]) -> int:
    """Run and report."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("words", nargs="*", help="run the mutants with one of these words in their name")
    parser.add_argument("--jobs", type=int, default=min(os.cpu_count() or 1, 4), help="how many at a time")
    chosen = parser.parse_args(arguments)
    mutants = [one for one in MUTANTS if not chosen.words or any(word in one.name for word in chosen.words)]
    started = time.monotonic()
    if said := healthy(mutants):
        _say(said)
        _say("The tests fail without any mutant; mend them first.")
        return 2
    hunts = [_told(one) for one in hunt(mutants, chosen.jobs)]
    lost = [one for one in hunts if one.fate != "found"]
    _say(f"{len(hunts) - len(lost)} of {len(hunts)} mutants found in {time.monotonic() - started:.0f} s")
    return 1 if lost or not hunts else 0


def _told(one: Hunt) -> Hunt:
    mark = {"found": "found   ", "survived": "SURVIVED", "broken": "BROKEN  "}[one.fate]
    _say(f"{mark}  {one.seconds:5.1f} s  {one.mutant.name:45}  {one.by}")
    return one


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
