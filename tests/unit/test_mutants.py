"""The mutants fit the code as it is now, and a defect that nobody finds is said so."""

import pytest

from tests.mutants.__main__ import main
from tests.mutants.catalogue import MUTANTS, Mutant
from tests.mutants.run import ROOT, hunt

ERRORS = "src/growsoft/errors.py"
HUNTERS = ("tests/unit/test_errors.py",)
HARMLESS = Mutant("a comment", ERRORS, '"""Errors: one hierarchy;', '"""Errors: one single hierarchy;', HUNTERS)
FATAL = Mutant("no Python", ERRORS, "class UserError(", "class UserError((", HUNTERS)
WRONG = Mutant("a message lost", ERRORS, "inspect.getdoc(cls) or cls.__name__", "cls.__name__", HUNTERS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=[mutant.name for mutant in MUTANTS])
def test_each_mutant_fits_the_code(mutant: Mutant) -> None:
    assert mutant.planted((ROOT / mutant.file).read_text(encoding="utf-8"))
    assert (ROOT / mutant.tests[0]).exists()


def test_a_mutant_that_does_not_fit_says_so() -> None:
    with pytest.raises(LookupError, match="0 times"):
        HARMLESS.planted("nothing of it")


def test_names_are_unique() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.slow
def test_found_survived_and_broken_are_told_apart() -> None:
    fates = {one.mutant.name: one.fate for one in hunt([HARMLESS, FATAL, WRONG], jobs=1)}
    assert fates == {"a comment": "survived", "no Python": "broken", "a message lost": "found"}


def test_no_mutant_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["no mutant has such a name"]) == 1
    assert "0 of 0" in capsys.readouterr().out
