"""BK-3 on a running instance: the page follows the inventory, and a stranger may read it."""

from __future__ import annotations

from tests.acceptance.trust.conftest import Ask
from tests.support.instance import Home


def test_bk3_page_and_api_show_the_inventory(ask: Ask) -> None:
    found = ask("BK-3")
    assert found["state"] == "simulated", found
    assert "the 3 data centres of the inventory" in found["evidence"]


def test_bk3_a_change_of_the_inventory_is_published_at_once(running_instance: Home, ask: Ask) -> None:
    rename = "env['fleet.data_centre'].search([['name', '=', 'montreal']]).write({'city': %r}); print(1)"
    running_instance.shell("control", rename % "Beauharnois")
    try:
        assert ask("BK-3")["state"] == "simulated"
    finally:
        running_instance.shell("control", rename % "Montreal")
