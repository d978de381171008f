"""SW-1: the review list, the rules and the scanners of a source tree; each that is missing or silent is found."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from growsoft.cli.world import source_tree
from growsoft.trust.review import code_is_reviewed, proven
from growsoft.trust.states import State
from growsoft.trust.world import CannotCheck
from tests.security.scanners import ROOT
from tests.support.world import SmallWorld

_LIST = "## Security review\n" + "- [ ] Is it safe?\n" * 12 + "## Next\n- [ ] Not counted\n"
_GOOD = {"planted": 9, "missed": [], "findings": [], "scanners": ["own rules", "secret scan"]}

Tree = Callable[..., SmallWorld]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Make a source tree whose scanners say what a test wants them to."""

    def make(proof: object = _GOOD, papers: str = _LIST, rules: str = "rules:\n  - id: one\n") -> SmallWorld:
        (tmp_path / "CONTRIBUTING.md").write_text(papers)
        (tmp_path / "SECURITY.md").write_text("Report it.\n")
        folder = tmp_path / "security" / "rules"
        folder.mkdir(parents=True)
        (folder / "sql.yaml").write_text(rules)
        _scanners(tmp_path, f"print({json.dumps(json.dumps(proof))})")
        return SmallWorld(source=tmp_path)

    return make


def _scanners(tree: Path, code: str) -> None:
    package = tree / "tests" / "security"
    package.mkdir(parents=True, exist_ok=True)
    for folder in (package.parent, package):
        (folder / "__init__.py").write_text("")
    (package / "proof.py").write_text(f"{code}\n")


def test_sw1_a_reviewed_tree_is_met(tree: Tree) -> None:
    found = code_is_reviewed(tree())
    assert found.state is State.MET, found
    assert "12 questions" in found.evidence
    assert "9 planted holes" in found.evidence


@pytest.mark.parametrize(
    ("proof", "told"),
    [
        ({**_GOOD, "findings": ["src/a.py:3 (growsoft-sql)"]}, "there is a finding at src/a.py:3 (growsoft-sql)"),
        ({**_GOOD, "missed": ["planted/x.py:1 growsoft-sql"]}, "missed its planted hole planted/x.py:1"),
        ({**_GOOD, "planted": 0}, "silence proves nothing"),
    ],
)
def test_sw1_what_scanners_say_counts(tree: Tree, proof: dict[str, object], told: str) -> None:
    found = code_is_reviewed(tree(proof))
    assert found.state is State.NOT_MET
    assert told in found.evidence


def test_sw1_a_missing_list_is_found(tree: Tree) -> None:
    found = code_is_reviewed(tree(papers="# Contributing\n"))
    assert found.state is State.NOT_MET
    assert "CONTRIBUTING.md has 0 questions" in found.evidence


def test_sw1_missing_rules_are_found(tree: Tree) -> None:
    found = code_is_reviewed(tree(rules="rules: []\n"))
    assert found.state is State.NOT_MET
    assert "there are no rules" in found.evidence


def test_sw1_scanners_that_break_are_no_pass(tree: Tree) -> None:
    world = tree()
    assert world.source is not None
    _scanners(world.source, "raise SystemExit('semgrep is missing')")
    with pytest.raises(CannotCheck, match="could not run here"):
        code_is_reviewed(world)


def test_sw1_scanners_that_hang_are_ended(tree: Tree) -> None:
    world = tree()
    assert world.source is not None
    _scanners(world.source, "import time\ntime.sleep(60)")
    began = time.monotonic()
    with pytest.raises(CannotCheck, match="not ready in time"):
        proven(world.source, 3)
    assert time.monotonic() - began < 10


def test_sw1_scanners_learn_nothing_of_the_instance(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    world = tree()
    assert world.source is not None
    monkeypatch.setenv("GROWSOFT_INSTANCE_KEY", "aa" * 32)
    code = "import json, os\nfound = [name for name in os.environ if name.startswith('GROWSOFT')]\n"
    proof = {**_GOOD, "findings": "found"}
    text = json.dumps(proof).replace('"found"', "found")
    _scanners(world.source, f"{code}print(json.dumps({text}))")
    assert proven(world.source, 30).findings == []


def test_sw1_an_installed_product_says_that_it_cannot_see_its_review() -> None:
    with pytest.raises(CannotCheck, match="without its source tree") as refused:
        code_is_reviewed(SmallWorld(source=None))
    assert "growsoft trust verify SW-1" in refused.value.todo


def test_sw1_the_source_tree_is_the_one_that_runs() -> None:
    assert source_tree() == ROOT
