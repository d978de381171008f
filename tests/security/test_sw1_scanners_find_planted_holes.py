"""SW-1, SW-2: every scanner finds its planted hole, so that its silence about the real tree means something."""

import re
import secrets
import shutil
import string
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.security import dependencies, scanners
from tests.security.scanners import PLANTED, ROOT, RULES, Finding, ScannerBrokenError

_HOLE = re.compile(r"hole: ([\w-]+)")
_LETTERS = string.ascii_letters + string.digits


def _rules() -> list[str]:
    return [
        rule for file in RULES.glob("*.yaml") for rule in re.findall(r"^  - id: (\S+)$", file.read_text(), re.MULTILINE)
    ]


def _holes() -> set[tuple[str, int, str]]:
    return {
        (str(file.relative_to(ROOT)), number, rule)
        for file in PLANTED.iterdir()
        if file.suffix != ".md"
        for number, line in enumerate(file.read_text().splitlines(), 1)
        for rule in _HOLE.findall(line)
    }


def _places(findings: list[Finding]) -> set[tuple[str, int, str]]:
    return {(finding.path, finding.line, finding.rule) for finding in findings}


def _drawn(length: int, letters: str = _LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


@pytest.fixture(scope="module")
def found_by_rules() -> set[tuple[str, int, str]]:
    return _places(scanners.own_rules(str(PLANTED.relative_to(ROOT))))


def test_sw1_our_rules_find_every_planted_hole_and_nothing_else(found_by_rules: set[tuple[str, int, str]]) -> None:
    planted = {hole for hole in _holes() if hole[2].startswith("growsoft-")}
    assert found_by_rules == planted


@pytest.mark.parametrize("rule", _rules())
def test_sw1_every_rule_has_a_planted_hole(rule: str, found_by_rules: set[tuple[str, int, str]]) -> None:
    assert rule in {found for _, _, found in found_by_rules}


def test_sw1_holes_are_found_where_the_product_is(tmp_path: Path, found_by_rules: set[tuple[str, int, str]]) -> None:
    # A rule that looks in the planted folder only would be silent about the product.
    app = tmp_path / "src" / "growsoft" / "apps" / "sale"
    shutil.copytree(PLANTED, app)
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    found = scanners.own_rules("src", root=tmp_path)
    assert {(Path(f.path).name, f.line, f.rule) for f in found} == {(Path(p).name, n, r) for p, n, r in found_by_rules}


def test_sw1_there_are_rules() -> None:
    assert len(_rules()) == len(set(_rules())) >= 20


def test_sw1_bandit_finds_its_planted_holes() -> None:
    found = _places(scanners.bandit(str(PLANTED.relative_to(ROOT))))
    planted = {hole for hole in _holes() if hole[2].startswith("B")}
    assert planted
    assert planted <= found


def _private_key() -> str:
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _amazon_key() -> str:
    name = "AKIA" + _drawn(16, string.ascii_uppercase + "234567")
    return f'ID = "{name}"\naws_secret_access_key = "{_drawn(40)}"\n'


# Secrets are drawn anew for each run: none is ever committed, not even a planted one.
_SECRETS: Mapping[str, Callable[[], str]] = {
    "private-key": _private_key,
    "aws-access-token": _amazon_key,
    "generic-api-key": lambda: f'SECRET_KEY = "{_drawn(50)}"\n',
    "generic-password": lambda: f'password = "{_drawn(24)}"\n',
    "generic-credential-uri": lambda: f'dsn = "postgresql://growsoft:{_drawn(24)}@db.internal/prod"\n',
    "growsoft-api-key": lambda: f"call it with gs_{_drawn(12)}_{_drawn(43)} please\n",
}


@pytest.mark.parametrize("rule", _SECRETS)
def test_sw1_secret_scan_finds_a_planted_secret(tmp_path: Path, rule: str) -> None:
    (tmp_path / "settings.py").write_text(_SECRETS[rule]())
    (tmp_path / "harmless.py").write_text('GREETING = "good morning"\n')
    assert {(leak.path, leak.rule) for leak in scanners.secret_scan(tmp_path)} == {("settings.py", rule)}


def test_sw1_no_finding_holds_the_secret_itself(tmp_path: Path) -> None:
    password = _drawn(24)
    (tmp_path / "growsoft.toml").write_text(f'password = "{password}"\n')
    (leak,) = scanners.secret_scan(tmp_path)
    assert password not in str(leak)


@pytest.mark.parametrize(("pinned", "advisories"), [("jinja2==3.1.5", 1), ("jinja2==3.1.4", 3), ("jinja2==3.1.6", 0)])
def test_sw1_a_weak_dependency_is_found_in_a_lock(tmp_path: Path, pinned: str, advisories: int) -> None:
    lock = tmp_path / "runtime.txt"
    lock.write_text(
        f"click==8.5.1 \\\n    --hash=sha256:00\n{pinned} ; python_version < '4' \\\n    --hash=sha256:00\n"
    )
    found = list(dependencies.vulnerable(lock, dependencies.read(ROOT / "security/advisories.toml")))
    assert [weak.line for weak in found] == [3] * advisories


def test_sw1_every_advisory_can_be_found_and_names_a_package_we_lock(tmp_path: Path) -> None:
    known = dependencies.read(ROOT / "security/advisories.toml")
    locked = {name for lock in (ROOT / "requirements").glob("*.txt") for name in dependencies.locked_packages(lock)}
    lock = tmp_path / "old.txt"
    for identity, advisory in known.advisories.items():
        oldest = re.match(r">=([\d.]+)", advisory.affected)
        lock.write_text(f"{advisory.package}=={oldest[1] if oldest else '0'} \\\n")
        assert identity in {weak.advisory for weak in dependencies.vulnerable(lock, known)}
        assert advisory.package in locked


def test_sw1_a_scanner_that_breaks_is_not_a_silent_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(scanners, "RULES", tmp_path / "no-rules")
    with pytest.raises(ScannerBrokenError):
        scanners.own_rules("src")


def test_sw1_the_repository_is_clean() -> None:
    assert [str(finding) for finding in scanners.scan_repository()] == []
