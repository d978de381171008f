"""The reference of apps and of the ORM: what it says is what the registry and the code say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from growsoft import orm
from growsoft.cli.app_docs import api_reference, docs
from growsoft.cli.errors import NotFound
from growsoft.orm import load
from growsoft.orm.reference import app_reference, table
from growsoft.orm.registry import installed_apps


@pytest.mark.parametrize("name", sorted(installed_apps()))
def test_every_model_field_and_rule_of_an_app_is_told(name: str) -> None:
    registry = load([name])
    page = app_reference(registry, name)
    for info in registry.models.values():
        if info.app == name:
            told = page.partition(f"\n`{info.name}`, ")[2].partition("\n## ")[0]
            assert [field for field in info.fields if field not in page] == []
            assert [rule for rule in info.rules if f"| `{rule}` | " not in told] == []
            assert [one.group for one in info.access if f"| `{one.group}` | " not in told] == []
            assert [method for method in info.public if f"| `{method}` | " not in told] == []


def test_rights_rules_and_what_is_added_to_others_are_in_words() -> None:
    page = app_reference(load(["sale"]), "sale")
    assert "| `sale.salesperson` | yes | yes | yes |  |" in page
    assert (
        "| `own_orders` | opens to `sale.salesperson` | read, create, write, unlink | Salesperson is the user |" in page
    )
    contacts = app_reference(load(["contacts"]), "contacts")
    added = contacts.partition("## What it adds to other apps")[2]
    assert "(`res.users`)" in added
    assert "| `partner_id` | Contact | many2one of `res.partner` |" in added


def test_the_reference_of_the_orm_has_every_public_name() -> None:
    page = api_reference()
    assert [name for name in orm.__all__ if f"\n## `{name}" not in page] == []
    assert "\n## `fields.Char(" in page
    assert "\n### `search(self, domain: Domain = (), *, offset: int = 0," in page
    assert "\n### `read_group(self, " in page


def test_a_cell_does_not_end_its_table() -> None:
    assert table(("a", "b"), [("x|y", "one\ntwo")])[2] == "| x\\|y | one two |"
    assert table(("a",), []) == []


def test_pages_are_printed_and_written(tmp_path: Path) -> None:
    printed = CliRunner().invoke(docs, ["contacts", "--json"])
    assert list(json.loads(printed.stdout)) == ["contacts"]
    written = CliRunner().invoke(docs, ["contacts", "--api", "--into", str(tmp_path / "pages")])
    assert written.exit_code == 0
    assert {path.name for path in (tmp_path / "pages").iterdir()} == {"contacts.md", "growsoft.orm.md"}
    assert isinstance(CliRunner().invoke(docs, ["nothing"]).exception, NotFound)
