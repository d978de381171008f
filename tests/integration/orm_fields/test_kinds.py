"""Formatted text, structured values and references: kept as they may be shown, and refused with the field's name."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from growsoft.errors import AccessError, ConfigError, ValidationError
from growsoft.orm import App, Env, Model, fields, load
from growsoft.orm.domain import DomainError
from growsoft.orm.fields.markup import LONGEST, cleaned
from growsoft.orm.referring import ReferredTo
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm_fields.works import Sheet, Site, Tool

EVIL = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<p onclick=alert(1)>",
    '<a href="javascript:alert(1)">',
    '<a href=" java\nscript:alert(1)">',
    '<a href="data:text/html,<script>alert(1)</script>">',
    '<iframe src="https://evil.example"></iframe>',
    '<form action="https://evil.example"><input name="password"></form>',
    '<div style="position:fixed;inset:0" class="card" id="main">',
    "<style>*{display:none}</style>",
    '<base href="https://evil.example">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
]


def forgotten(sheet: Sheet) -> Sheet:
    """Give the same record with nothing of it in memory."""
    sheet.env.flush()
    for cache in sheet.env.work.caches.values():
        cache.forget()
    return sheet


# -- formatted text ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_that_runs_loads_or_disguises_itself_is_ever_stored(env: Env, evil: str) -> None:
    sheet = env[Sheet].create({"name": "x", "note": f"<p>a</p>{evil}"})
    sheet.duty = f"<p>b</p>{evil}<p>c</p>"
    forgotten(sheet)
    stored = env.execute(sql("SELECT note || duty FROM works_sheet WHERE id = {id}", id=sheet.id)).scalar(str)
    assert sheet.note + sheet.duty == stored
    lowered = stored.lower()
    for word in ("<script", "onerror", "onclick", "onload", "javascript", "data:", "<iframe", "<form", "<img", "<svg"):
        assert f"{word}=" not in lowered.replace(" ", "")
        assert not (word.startswith("<") and word in lowered)
    for word in ("style=", "class=", "id=", "<style", "<base", "<meta", "href="):
        assert word not in lowered
    assert "a" in sheet.note


def test_what_a_person_writes_stays_and_links_tell_nothing_of_where_they_were_followed(env: Env) -> None:
    html = '<h2>T</h2><p>a <b>b</b> &amp; <a href="https://example.com/?a=1&amp;b=2">c</a></p><ul><li>d</li></ul>'
    sheet = env[Sheet].create({"name": "x", "note": html, "duty": "1 < 2 & 3"})
    forgotten(sheet)
    assert sheet.note == html.replace('b=2">', 'b=2" rel="noopener noreferrer nofollow">')
    assert sheet.duty == "1 &lt; 2 &amp; 3"
    version = sheet.version
    sheet.note = sheet.note
    env.flush()
    assert sheet.version == version


@example(['<a href="x:y">', "<table>", "<", '<a href="x:y">'])  # a link within a link, moved out of a table
@given(st.lists(st.sampled_from([*EVIL, "<p>", "</p>", "<table>", "<td>", "a", "&lt;", "&amp;", "<", "]]>", "<!--"])))
def test_what_was_cleaned_is_clean(pieces: list[str]) -> None:
    once = cleaned("".join(pieces))
    assert cleaned(once) == once


def test_formatted_text_without_words_is_unset(env: Env) -> None:
    sheet = env[Sheet].create({"name": "x", "note": "<p><br></p> &nbsp;", "duty": "<hr>"})
    assert (sheet.note, sheet.duty) == ("", "<hr>")
    assert sheet.create({"name": "y"}).duty == "<p>None</p>"
    with pytest.raises(ValidationError, match="Duties is required"):
        sheet.duty = "<p></p>"


def test_formatted_text_is_found_by_its_words(env: Env) -> None:
    sheet = env[Sheet].create({"name": "x", "note": "<p>Größe <b>zwölf</b></p>"})
    assert env[Sheet].search(Sheet.note.ilike("ZWÖLF")) == sheet
    assert env[Sheet].search([["note", "=", "<p>Größe <b>zwölf</b></p>"]]) == sheet
    assert not env[Sheet].search([["note", "ilike", "<script>"]])


@pytest.mark.parametrize("value", [5, ["x"], "a\0b", "x" * (LONGEST + 1), "\ud800"])
def test_what_is_no_text_is_refused(env: Env, value: object) -> None:
    with pytest.raises(ValidationError, match=r"^Note: "):
        env[Sheet].create({"name": "x", "note": value})


# -- structured values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True, "ü\n"], "b": {}}, [], [[]], "text", 5, 0, -0.25, True, {"": ""}, 10**15]
)
def test_structured_values_come_back(env: Env, value: fields.JsonValue) -> None:
    sheet = env[Sheet].create({"name": "x", "data": value})
    for found in (sheet, forgotten(sheet)):
        assert found.data == value
        assert type(found.data) is type(value)
    version = sheet.version
    sheet.data = value
    env.flush()
    assert sheet.version == version
    sheet.data = {"other": value}
    assert forgotten(sheet).data == {"other": value}
    assert sheet.read(["data"]) == [{"id": sheet.id, "data": {"other": value}}]
    sheet.data = None
    assert forgotten(sheet).data is None


def test_what_is_read_is_a_copy(env: Env) -> None:
    sheet = env[Sheet].create({"name": "x", "data": {"a": [1]}})
    for found in (sheet, forgotten(sheet)):
        data = found.data
        assert isinstance(data, dict)
        data["a"] = 5
        assert found.data == {"a": [1]}


def test_many_structured_values_are_written_at_once(env: Env) -> None:
    sheets = env[Sheet].create([{"name": str(i), "data": {"i": i} if i else None} for i in range(5)])
    for i, sheet in enumerate(sheets):
        sheet.write({"data": [i]} if i else {"data": None})
    forgotten(sheets)
    assert [sheet.data for sheet in sheets] == [None, [1], [2], [3], [4]]
    assert [sheet.settings for sheet in sheets] == [{"colour": "blue", "sizes": [1, 2.5]}] * 5


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "exactly"),
        (float("inf"), "exactly"),
        (10**16, "exactly"),
        ({1: 2}, "JSON can say"),
        ({"a": {"b"}}, "JSON can say"),
        (object(), "JSON can say"),
        ("a\0", "NUL"),
        ({"a\0": 1}, "NUL"),
        ("x" * 1_000_001, "bytes"),
    ],
)
def test_what_json_cannot_say_is_refused(env: Env, value: object, why: str) -> None:
    with pytest.raises(ValidationError, match=rf"^Data: .*{why}"):
        env[Sheet].create({"name": "x", "data": value})


def test_structures_are_nested_to_a_bound(env: Env) -> None:
    deep: list[object] = []
    for _level in range(100_000):
        deep = [deep]
    with pytest.raises(ValidationError, match="levels deep"):
        env[Sheet].create({"name": "x", "data": deep})


def test_structured_values_are_only_asked_whether_they_are_set(env: Env) -> None:
    sheet = env[Sheet].create({"name": "x", "data": {"a": 1}})
    other = env[Sheet].create({"name": "y"})
    assert env[Sheet].search(Sheet.data != None) == sheet  # noqa: E711  a condition
    assert env[Sheet].search([["data", "=", False]]) == other
    assert (sheet + other).filtered(Sheet.data == None) == other  # noqa: E711  a condition
    for operator, value in [("=", {"a": 1}), ("in", [1]), ("<", 1), ("ilike", "a"), ("=", "a")]:
        with pytest.raises(DomainError):
            env[Sheet].search([["data", operator, value]])
    with pytest.raises(DomainError, match="sort"):
        env[Sheet].search([], order="data")


# -- references --------------------------------------------------------------------------------------------------------


def test_a_reference_leads_to_a_record_of_any_of_its_models(env: Env) -> None:
    site, tool = env[Site].create({"name": "s"}), env[Tool].create({"name": "t"})
    sheet = env[Sheet].create({"name": "x", "subject": site})
    for found in (sheet, forgotten(sheet)):
        assert found.subject == site
        assert isinstance(found.subject, Site)
    sheet.subject = tool
    assert forgotten(sheet).subject == tool
    assert sheet.read(["subject"]) == [{"id": sheet.id, "subject": f"works.tool,{tool.id}"}]
    sheet.write({"subject": ("works.site", site.id)})
    assert sheet.subject == site
    sheet.write({"subject": f"works.tool,{tool.id}"})
    assert sheet.subject == tool
    sheet.subject = None
    assert forgotten(sheet).subject is None


def test_references_are_found_by_what_they_lead_to(env: Env) -> None:
    site, tool = env[Site].create({"name": "s"}), env[Tool].create({"name": "t"})
    a, b, c = env[Sheet].create([{"name": "a", "subject": site}, {"name": "b", "subject": tool}, {"name": "c"}])
    assert env[Sheet].search(Sheet.subject == site) == a
    assert env[Sheet].search(Sheet.subject != site) == b + c
    assert env[Sheet].search(Sheet.subject.in_([site, tool])) == a + b
    assert env[Sheet].search([["subject", "=", False]]) == c
    assert env[Sheet].search([["subject", "=like", "works.tool,%"]]) == b


@pytest.mark.parametrize(
    "value", ["res.users,1", "works.site", "works.site,0", "works.site,-1", "works.site,x", ("works.site", "1"), 5]
)
def test_a_reference_to_something_else_is_refused(env: Env, value: object) -> None:
    with pytest.raises(ValidationError, match=r"^Subject: "):
        env[Sheet].create({"name": "x", "subject": value})


def test_a_reference_is_written_only_to_what_its_writer_sees(shared: Trade) -> None:
    with shared.undone() as env:
        hidden = env[Site].create({"name": "h", "hidden": True})
        gone = env[Site].create({"name": "g"})
        gone.unlink()
        env.flush()
        ann = shared.as_user(env, "ann")
        for target in (hidden.id, gone.id):
            with pytest.raises(AccessError, match="that you may see"), ann.savepoint():
                ann[Sheet].create({"name": "x", "subject": f"works.site,{target}"})
        sheet = ann[Sheet].create({"name": "x"})
        with pytest.raises(AccessError, match="that you may see"), ann.savepoint():
            sheet.write({"subject": f"works.site,{hidden.id}"})


def test_what_is_referred_to_is_not_deleted_whoever_sees_the_reference(shared: Trade) -> None:
    with shared.undone() as env:
        site = env[Site].create({"name": "s"})
        sheet = env[Sheet].create({"name": "x", "secret_subject": site})
        env.flush()
        ann = shared.as_user(env, "ann")
        with pytest.raises(ReferredTo, match="Secret subject of Sheet"), ann.savepoint():
            ann[Site].browse(site.id).unlink()
        sheet.secret_subject = None
        ann[Site].browse(site.id).unlink()


# -- what each group sees ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["secret_note", "secret_data", "secret_subject"])
def test_fields_of_groups_are_kept_by_the_database(shared: Trade, name: str) -> None:
    with shared.undone() as env:
        site = env[Site].create({"name": "s"})
        values = {"secret_note": "<p>n</p>", "secret_data": [1], "secret_subject": site}
        sheet = env[Sheet].create({"name": "x", **values})
        env.flush()
        ann, sec = sheet.with_env(shared.as_user(env, "ann")), sheet.with_env(shared.as_user(env, "sec"))
        assert sec.read([name])[0][name]
        assert name not in ann.read()[0]
        for attempt in (
            lambda: ann.read([name]),
            lambda: getattr(ann, name),
            lambda: ann.write({name: values[name]}),
            lambda: ann.search([[name, "!=", False]]),
            lambda: ann.create({"name": "y", name: values[name]}),
        ):
            with pytest.raises(AccessError):
                attempt()
        with pytest.raises(Exception, match="You may not do this"), ann.env.savepoint():
            ann.env.execute(sql("SELECT secret_note, secret_data, secret_subject FROM works_sheet"))


def test_a_reference_to_a_model_that_is_not_there_is_refused_at_load() -> None:
    class Lost(Model):
        """Lost: leads nowhere."""

        _name = "works.lost"
        name = fields.Char()
        what = fields.Reference(["works.nothing"])

    app = App(name="lost", version="1.0", package=__name__)
    with pytest.raises(ConfigError, match=r"works\.lost\.what may lead to works\.nothing"):
        load(["lost"], available={"lost": app})
    Model.defined.remove(Lost)
