"""Fields and models that an administrator adds on the screens, and what people see of them a moment later."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.served import Browser, Showcase


@pytest.fixture
def admin(signed_in: Callable[[str], Browser]) -> Browser:
    """An administrator."""
    return signed_in("root")


def test_a_field_that_is_added_on_the_screen_is_on_the_form_at_once(
    showcase: Showcase, admin: Browser, ben: Browser
) -> None:
    with showcase.elevated() as env:
        owner = env["show.owner"].create({"name": "Kyoto Ltd"}).id
    assert "Favourite tea" not in ben.get(f"/app/show.owner/{owner}").shown()
    saved = admin.submit(
        "/app/ir.model.fields/new", v__model_id="Owner", v__name="x_tea",
        v__field_description="Favourite tea", v__ttype="char",
    )  # fmt: skip
    assert saved.status == 303, saved.shown()
    assert "Favourite tea" in ben.get(f"/app/show.owner/{owner}").shown()
    ben.submit(f"/app/show.owner/{owner}/edit", v__x_tea="Sencha")
    assert "Sencha" in ben.get(f"/app/show.owner/{owner}").shown()
    assert "Kyoto Ltd" in ben.get("/app/show.owner?q=senc").shown()


def test_a_model_that_is_added_on_the_screen_has_its_own_screens(admin: Browser, ben: Browser) -> None:
    assert ben.get("/app/x_boat").status == 404
    saved = admin.submit("/app/ir.model/new", v__model="x_boat", v__name="Boat", v__writer_groups="base.user")
    assert saved.status == 303, saved.shown()
    assert "Boat" in ben.get("/app/x_boat").shown()
    made = ben.submit("/app/x_boat/new", v__x_name="Pequod")
    assert made.status == 303, made.shown()
    assert "Pequod" in ben.get("/app/x_boat").shown()


def test_what_does_not_fit_is_said_on_the_form(admin: Browser) -> None:
    answer = admin.submit(
        "/app/ir.model.fields/new", v__model_id="Owner", v__name="tea; DROP TABLE res_users",
        v__field_description="Tea", v__ttype="char",
    )  # fmt: skip
    assert answer.status == 422
    assert "begins with x_" in answer.shown()
