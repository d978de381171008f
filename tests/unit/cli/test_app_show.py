"""What a command says of apps that were changed."""

import pytest

from growsoft.cli.app import show
from growsoft.cli.lifecycle import Changed
from growsoft.orm.lint import Finding


def test_odd_rules_are_told_to_whoever_brings_an_app(capsys: pytest.CaptureFixture[str]) -> None:
    odd = Finding("never true", "sale.order", "sale.manager", "what sale.manager sees can never be: \x1b[2J1 = 2")
    show(Changed("osaka", True, {}, {"sale": "1"}, "b1", (), 1.0, (odd,)), as_json=False)
    told = capsys.readouterr()
    assert "sale 1 installed" in told.out
    assert "sale.order: never true: what sale.manager sees can never be" in told.err
    assert "\x1b" not in told.err


def test_they_are_in_what_a_program_reads(capsys: pytest.CaptureFixture[str]) -> None:
    odd = Finding("unique for all", "sale.order", "", "name")
    show(Changed("osaka", True, {}, {}, "", (), 1.0, (odd,)), as_json=True)
    assert '"unique for all"' in capsys.readouterr().out
