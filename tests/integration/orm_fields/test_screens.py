"""On screens: formatted text by its form and by its words, structures as text, references as links."""

from __future__ import annotations

from growsoft.orm import Env
from growsoft.postgres.sql import sql
from growsoft.views.defaults import default_views
from growsoft.views.editing import Editor
from growsoft.views.entering import editable
from growsoft.views.fields import Link
from growsoft.views.records import Records
from growsoft.views.render import Templates
from growsoft.views.screens import cells, record_screen
from tests.integration.orm.conftest import Trade
from tests.integration.orm_fields.works import OWN, Price, Sheet, Site

TEMPLATES = Templates(["growsoft.views"], {})


class Form:
    """What somebody submits."""

    def __init__(self, **texts: str) -> None:
        """Take texts by name; a double underscore stands for a point."""
        self._texts = {name.replace("__", "."): text for name, text in texts.items()}

    def text(self, name: str) -> str:
        """The text of a name."""
        return self._texts.get(name, "")

    def every(self, name: str) -> tuple[str, ...]:
        """All texts of a name."""
        return (self._texts[name],) if name in self._texts else ()

    def sent(self, name: str) -> bool:
        """Whether a name was sent."""
        return name in self._texts


def page(records: Records, record: int) -> str:
    """Render the page of a sheet as its default view shows it."""
    model = records.model("works.sheet")
    form = default_views(model).form
    found = records.read(model, record, form.fields)
    return TEMPLATES.render("_record.html", {"screen": record_screen(model, form, found, {}), "nonce": "n"})


def test_a_page_shows_the_form_of_formatted_text_and_the_text_of_structures(ann: Env) -> None:
    site = ann[Site].create({"name": "The <Yard>"})
    values = {"note": "<p>a <b>b</b> &lt;</p>", "data": {"k": ["<i>", 1]}, "subject": site}
    sheet = ann[Sheet].create({"name": "x", **values})
    html = page(Records(ann), sheet.id)
    assert '<div class="markup"><p>a <b>b</b> &lt;</p></div>' in html
    assert "<i>" not in html
    assert "&lt;i&gt;" in html
    assert f'href="/web/works.site/{site.id}"' in html or f"works.site/{site.id}" in html
    assert "The &lt;Yard&gt;" in html


def test_what_was_stored_past_the_orm_is_cleaned_when_it_is_shown(ann: Env) -> None:
    sheet = ann[Sheet].create({"name": "x"})
    ann.execute(
        sql(
            "UPDATE works_sheet SET note = {evil} WHERE id = {id}",
            evil='<p>a</p><img src=x onerror="alert(1)"><script>alert(2)</script>', id=sheet.id,
        )
    )  # fmt: skip
    html = page(Records(ann), sheet.id)
    assert "<p>a</p>" in html
    assert "alert" not in html


def test_a_list_shows_the_words(ann: Env) -> None:
    sheet = ann[Sheet].create({"name": "x", "note": "<p>a <b>b</b> &lt; &amp;</p>"})
    records = Records(ann)
    model = records.model("works.sheet")
    found = records.read(model, sheet.id, ["note"])
    assert [cell.text for cell in cells(model.known(("note",)), found)] == ["a b < &"]
    assert default_views(model).search.fields == ("name",)
    assert "note" not in default_views(model).list.columns


def test_who_may_not_see_what_a_reference_leads_to_sees_no_name(shared: Trade) -> None:
    with shared.undone() as env:
        site = env[Site].create({"name": "Secret place", "hidden": True})
        sheet = env[Sheet].create({"name": "x", "subject": site})
        env.flush()
        records = Records(shared.as_user(env, "ann"))
        found = records.read(records.model("works.sheet"), sheet.id, ["subject", "data"])
        assert found.values["subject"] == Link(site.id, "", "works.site")
        assert "Secret place" not in page(records, sheet.id)


def test_a_form_changes_formatted_text_and_leaves_alone_what_it_only_shows(ann: Env) -> None:
    sheet = ann[Sheet].create({"name": "x", "data": [1], "subject": ann[Site].create({"name": "s"})})
    records = Records(ann)
    model = records.model("works.sheet")
    shown = {name for name in model.fields if not editable(model.fields[name])}
    assert shown == {"data", "settings", "subject", "create_date", "write_date"}
    editor = Editor(records, model, default_views(model).form, default_views, "/x")
    form = Form(v__name="x", v__note="<p onclick=x>new</p>", v__duty="<p>d</p>", version=str(sheet.version))
    editor.save(sheet.id, form)
    assert (sheet.note, sheet.data) == ("<p>new</p>", [1])
    assert editor.new().parts


def test_values_of_a_company_are_shown_and_changed_like_others(ann: Env) -> None:
    price = ann[Price].create({"name": "x", **OWN})
    records = Records(ann)
    model = records.model("works.price")
    found = records.read(model, price.id, ["number", "grade", "weight"])
    assert (found.values["number"], found.values["grade"]) == (-5, "fine")
    records.write(model, price.id, {"number": 6}, version=price.version)
    assert price.number == 6
