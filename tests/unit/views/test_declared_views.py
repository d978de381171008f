"""Declared views: apps build on the screens of others, and what they get wrong is told when the apps are loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from growsoft.errors import ConfigError
from growsoft.orm import App, Registry, load
from growsoft.orm.registry import installed_apps
from growsoft.views.declared import Declarations, declarations


@pytest.fixture
def delivered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The packages that a test makes."""
    made: list[str] = []
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield made
    for name in [name for name in sys.modules if name.split(".")[0] in made]:
        del sys.modules[name]


def with_views(tmp_path: Path, delivered: list[str], **packages: str) -> Declarations:
    """What is declared when some apps build upon sales, each on those before it."""
    apps = dict(installed_apps())
    before = "sale"
    for name, text in packages.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        (tmp_path / name / "views.py").write_text(IMPORTS + dedent(text))
        delivered.append(name)
        apps[name] = App(name=name, version="1.0", package=name, depends=(before,))
        before = name
    registry: Registry = load([before], available=apps)
    return declarations(registry)


IMPORTS = """
from growsoft.apps.sale.models import Order
from growsoft.apps.sale.views import order_form, order_list
from growsoft.views.values import *
"""


def test_two_apps_change_the_order_one_after_the_other(tmp_path: Path, delivered: list[str]) -> None:
    declared = with_views(
        tmp_path,
        delivered,
        parcels="columns = order_list.after(Order.partner_id, Order.carrier_id)",
        routes="columns = order_list.after(Order.carrier_id, Order.company_id)",
    )
    view = declared.of("sale.order").list
    assert view is not None
    assert view.columns[2:5] == ("partner_id", "carrier_id", "company_id")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = order_list.after('parcel', 'note')", "has no parcel to change it there; it has name, date_order"),
        ("x = order_list.at_end('parcel')", "sale.order has no field parcel"),
        ("x = List('sale.parcel', 'name')", "which these apps do not have"),
        ("x = List('product.tag', 'name').at_end('x')", "product.tag"),
        ("x = Kanban(Order, 'parcel')", "sale.order has no field parcel"),
        ("x = Chart(Order, 'partner_id.parcel')", "res.partner has no field parcel"),
        ("x = Chart(Order, 'name.parcel')", "name is no link of sale.order"),
        ("x = Search(Order, 'name', groups=(GroupBy('x', 'parcel'),))", "no field parcel"),
        ("x = Form(Order, Lines('order_line', 'parcel'))", "sale.order.line has no field parcel"),
        ("x = Form(Order, Lines('name', 'parcel'))", "name, which is no link"),
        ("x = List(Order, 'name', actions=(Action('x', 'unlink'),))", "unlink, which may not be called from outside"),
    ],
)
def test_what_is_not_there_is_refused_when_the_apps_are_loaded(
    tmp_path: Path, delivered: list[str], text: str, says: str
) -> None:
    with pytest.raises(ConfigError) as error:
        with_views(tmp_path, delivered, parcels=text)
    assert says in str(error.value)
