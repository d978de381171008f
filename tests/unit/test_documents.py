"""The documents: links lead somewhere, decisions have their parts, settings and dependencies are all told."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from growsoft.config import Settings
from tests.security.scanners import ROOT, repository_files

DECISIONS = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def _documents() -> list[str]:
    return [name for name in repository_files() if name.endswith(".md")]


def _prose(path: Path) -> str:
    return _FENCED.sub("", path.read_text())


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", _prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", _documents())
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    broken: list[str] = []
    for link in _LINK.findall(_prose(page)):
        if "://" in link:
            continue
        target, _, anchor = link.partition("#")
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in _anchors(there)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_parts_in_order(page: Path) -> None:
    parts = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert parts == ["Context", "Options", "Decision", "What would change our mind"]
    assert page.read_text().startswith(f"# {page.name[:4]} ")


def test_decisions_are_numbered_and_listed() -> None:
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", (ROOT / "docs/decisions/README.md").read_text())
    assert [page.name for page in DECISIONS] == listed
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("group", ["runtime", "dev", "test", "build", "semgrep", "peers"])
def test_every_dependency_has_its_reason(group: str) -> None:
    lines = (ROOT / f"requirements/{group}.in").read_text().splitlines()
    named = [re.split(r"[=\[ ;<>]", line)[0] for line in lines if line and not line.startswith(("#", "-c"))]
    rows = (ROOT / "docs/reference/dependencies.md").read_text().splitlines()
    told = " ".join(row.split("|")[1] for row in rows if row.startswith("| "))
    assert [name for name in named if not re.search(rf"\b{re.escape(name)}\b", told)] == []


def test_every_setting_is_told_with_its_default() -> None:
    page = (ROOT / "docs/reference/settings.md").read_text()
    rows = {row.split("`")[1]: row for row in page.splitlines() if row.startswith("| `")}
    settings = Settings(home=Path("/srv/growsoft"))
    assert set(rows) == {field.name for field in fields(Settings)} - {"origins"}
    for name in ("port", "bind", "web_workers", "pool_cap"):
        assert f"| {getattr(settings, name)} |" in rows[name]


def test_every_package_is_told_in_the_architecture() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    packages = {path.parent.name for path in (ROOT / "src/growsoft").glob("*/__init__.py")}
    assert {name for name in packages if not re.search(rf"\b{name}\b", page)} == set()
