"""The repository: locks without addresses, no path of a machine, every package on its floor."""

import re
import stat
import tomllib
from pathlib import Path

import pytest

from tests.security.scanners import ROOT, repository_files

# The brackets keep this line from finding itself.
_MACHINE_PATHS = re.compile(r"/[w]ork/(?:main|shared|\.)|/tmp/[g]s\b|/root/[.]")
_ADDRESS = re.compile(r"://|\bwww\.|^\s*-(?:-index-url|-extra-index-url|-find-links|i|f)\b")


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def _pyproject() -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads(_text("pyproject.toml"))


@pytest.mark.parametrize("lock", sorted(path.name for path in (ROOT / "requirements").glob("*.txt")))
def test_a_lock_has_hashes_and_no_address(lock: str) -> None:
    lines = _text(f"requirements/{lock}").splitlines()
    assert [line for line in lines if _ADDRESS.search(line)] == []
    pinned = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert pinned
    assert [line for line in pinned if "==" not in line or not line.endswith("\\")] == []


@pytest.mark.parametrize("group", sorted(path.stem for path in (ROOT / "requirements").glob("*.in")))
def test_every_requirement_is_locked(group: str) -> None:
    locked = {re.split(r"[=\[]", line)[0] for line in _text(f"requirements/{group}.txt").splitlines() if "==" in line}
    wanted = [
        line for line in _text(f"requirements/{group}.in").splitlines() if line and not line.startswith(("#", "-c"))
    ]
    assert [line for line in wanted if re.split(r"[=\[ ;<>]", line)[0].lower() not in locked] == []


def test_what_is_installed_is_what_is_locked() -> None:
    declared = {re.split(r"[\[<>=;]", str(name))[0] for name in list(_pyproject()["project"]["dependencies"])}
    listed = [line for line in _text("requirements/runtime.in").splitlines() if line and not line.startswith("#")]
    assert declared == {re.split(r"[\[<>=; ]", line)[0] for line in listed}


def test_no_committed_file_names_a_path_of_somebodys_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:80]}"
        for name in repository_files()
        for number, line in enumerate(_text(name).splitlines(), 1)
        if _MACHINE_PATHS.search(line)
    ]
    assert found == []


def test_every_package_has_its_floor() -> None:
    (floors,) = [c for c in _contracts() if c["id"] == "floors"]
    on_floors = {name for floor in _strings(floors["layers"]) for name in re.split(r"\s*[:|]\s*", floor)}
    packages = {f"growsoft.{p.parent.name}" for p in (ROOT / "src/growsoft").glob("*/__init__.py")}
    assert packages | {"growsoft.errors", "growsoft.words", "growsoft_cloud"} == on_floors


@pytest.mark.parametrize(("contract", "inside"), [("psycopg", "postgres"), ("http", "web"), ("keys", "security")])
def test_what_only_one_package_may_import_is_refused_everywhere_else(contract: str, inside: str) -> None:
    (found,) = [c for c in _contracts() if c["id"] == contract]
    packages = {f"growsoft.{p.parent.name}" for p in (ROOT / "src/growsoft").glob("*/__init__.py")}
    everybody = packages | {"growsoft.errors", "growsoft_cloud"}
    assert set(_strings(found["source_modules"])) == everybody - {f"growsoft.{inside}"}


def test_every_module_says_in_its_first_line_what_it_holds() -> None:
    silent = [
        name
        for name in repository_files()
        if name.startswith("src/") and name.endswith(".py") and not _text(name).startswith('"""')
    ]
    assert silent == []


def test_the_continuous_integration_runs_the_test_command_of_the_readme() -> None:
    assert "`make test`" in _text("README.md") or "\nmake test\n" in _text("README.md")
    assert re.search(r"(?m)^timeout [^\n]* make test \|\| status=", _text(".ci/run"))


@pytest.mark.parametrize("name", [".ci/run", "scripts/venv", "scripts/lock"])
def test_scripts_can_be_run(name: str) -> None:
    assert Path(ROOT / name).stat().st_mode & stat.S_IXUSR


def _contracts() -> list[dict[str, object]]:
    tools = tomllib.loads(_text("pyproject.toml"))["tool"]
    contracts: list[dict[str, object]] = tools["importlinter"]["contracts"]
    return contracts


def _strings(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(item) for item in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - TOML
