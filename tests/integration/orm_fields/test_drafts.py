"""Forms that are not saved yet: what follows from what was entered, with the rights of whoever enters it."""

# pyright: reportPrivateUsage=false
# A draft's own environment is nobody's to make but the test's of it.

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from growsoft.apps.base.models import Currency
from growsoft.errors import AccessError, MissingError, ValidationError
from growsoft.orm import Env, open_env
from growsoft.orm.drafts import Draft, draft
from growsoft.orm.env import DraftWritten
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm_fields.works import SHARED, Price, Project, Sheet, Site, Tag, Task, Tool

TASK = "task_ids"
EMPTY_LINE: list[object] = [0, 0, dict[str, object]()]
WRONG: list[tuple[dict[str, object], list[str]]] = [
    ({"nope": 1}, []),
    ({TASK: [[9, 0, 0]]}, []),
    ({TASK: [[0, 0, 5]]}, []),
    ({TASK: 5}, []),
    ({}, ["nope"]),
    ({}, ["task_ids.0.planned"]),
    ({TASK: [EMPTY_LINE]}, ["task_ids.x.planned"]),
    ({TASK: [EMPTY_LINE]}, ["task_ids.0.nope"]),
    ({TASK: [EMPTY_LINE] * 2001}, []),
]


def euro(env: Env) -> int:
    """The euro."""
    return env[Currency].search(Currency.name == "EUR").id


def rows(env: Env) -> list[object]:
    """Count what is stored."""
    return [env[name].search_count() for name in ("works.project", "works.task", "works.sheet", "works.tag")]


# -- defaults ----------------------------------------------------------------------------------------------------------


def test_a_new_record_begins_with_its_defaults(ann: Env) -> None:
    assert ann[Sheet].defaults() == {
        "duty": "<p>None</p>",
        "settings": {"colour": "blue", "sizes": [1, 2.5]},
    }
    assert ann[Price].defaults(["number", "grade", "name", "since"]) == {
        "number": 7,
        "grade": "fair",
        "since": SHARED["since"],
    }
    assert ann[Tag].defaults(["rate"]) == {"rate": 1}
    for name in ("secret_note", "secret_subject"):
        with pytest.raises(AccessError):
            ann[Sheet].defaults([name])
    with pytest.raises(ValidationError, match="no field"):
        ann[Sheet].defaults(["nope"])


# -- new records -------------------------------------------------------------------------------------------------------


def test_the_form_of_a_new_record_opens_with_all_that_is_known(ann: Env) -> None:
    before = rows(ann)
    site = ann[Site].create({"name": "Yard", "quality": "fine"})
    found = draft(ann, "works.project", {"name": "p", "site_id": site.id, "budget": "10"})
    assert found.problems == ()
    assert found.values["title"] == "Yard"
    assert found.values["path"] == "p"
    assert found.values["label"] == "p:10"
    assert found.values["site_name"] == "Yard"
    assert found.values["site_quality"] == "fine"
    assert found.values["cost"] == "10.00"
    assert found.values["parent_id"] is None
    assert not {"name", "site_id", "budget", "site_secret", "whisper", "id", "version"} & found.values.keys()
    assert rows(ann) == before
    assert json.loads(json.dumps(found.plain())) == {"values": dict(found.values), "warnings": []}


def test_only_the_fields_of_the_form_come_back(ann: Env) -> None:
    found = draft(ann, "works.project", {"name": "p"}, names=["path", "name", "task_ids.hours"])
    assert found.values == {"path": "p"}
    assert draft(ann, "works.project", {}, names=["name", "currency_id"]).values == {"name": "", "currency_id": None}


def test_lines_that_are_not_saved_are_worked_out_and_summed(ann: Env) -> None:
    tag = ann[Tag].create({"name": "t", "rate": 3})
    lines = [
        [0, 0, {"planned": "2", "tag_id": [tag.id, "t"], "limit": 5}],
        [0, 0, {"planned": 1.5}],
        [0, 0, {"planned": 4, "hours": "9"}],
    ]
    values = {"name": "p", "currency_id": euro(ann), "tag_ids": [[6, 0, [tag.id]]], TASK: lines}
    found = draft(
        ann, "works.project", values, names=["hours", "cost", "late_count", "task_ids.hours", "task_ids.late"]
    )
    assert found.values == {
        "hours": "16.50",
        "cost": "49.50",
        "late_count": 3,
        TASK: [
            [0, 0, {"hours": "6.00", "late": True}],
            [0, 0, {"hours": "1.50", "late": True}],
            [0, 0, {"late": True}],
        ],
    }


# -- stored records ----------------------------------------------------------------------------------------------------


@pytest.fixture
def project(ann: Env) -> Project:
    """A project with two tasks."""
    tasks = [{"name": "a", "planned": 1}, {"name": "b", "planned": 2}]
    return ann[Project].create({"name": "p", "currency_id": euro(ann), TASK: tasks})


def changed_task(project: Project, **values: object) -> list[list[object]]:
    """Change the second task."""
    return [[4, project.task_ids[0].id, None], [1, project.task_ids[1].id, values]]


def test_a_change_of_a_line_changes_what_follows_from_it(project: Project) -> None:
    env, task = project.env, project.task_ids[1]
    values = {TASK: changed_task(project, planned="5.00")}
    found = draft(env, "works.project", values, record=project.id, changed=["task_ids.1.planned"])
    assert found.values["hours"] == "6.00"
    assert found.values["cost"] == "6.00"
    assert found.values["days"] == "0.75"
    assert found.values[TASK] == [[4, project.task_ids[0].id, None], [1, task.id, {"hours": "5.00"}]]
    assert (str(task.planned), str(project.hours)) == ("2.00", "3.00")
    project.env.flush()
    assert env.execute(sql("SELECT planned FROM works_task WHERE id = {id}", id=task.id)).scalar() == 2


def test_a_corrected_value_is_worked_out_anew_only_when_what_it_comes_from_was_touched(project: Project) -> None:
    env = project.env
    project.task_ids[1].hours = 7  # type: ignore[assignment]
    line = {"planned": 5, "hours": "8", "limit": 1}
    values = {TASK: changed_task(project, **line)}
    kept = draft(env, "works.project", values, record=project.id, changed=["task_ids.1.limit"])
    assert kept.values["hours"] == "9.00"
    anew = draft(env, "works.project", values, record=project.id, changed=["task_ids.1.planned"])
    assert anew.values["hours"] == "6.00"
    assert anew.values[TASK][1] == [1, project.task_ids[1].id, {"hours": "5.00"}]  # type: ignore[index]
    untouched = draft(env, "works.project", {"name": "q"}, record=project.id, changed=["name"])
    assert untouched.values == {"path": "q", "label": "q:0"}


def test_lines_can_be_added_and_taken_out(project: Project) -> None:
    env = project.env
    first, second = project.task_ids
    cases: list[tuple[list[list[object]], str]] = [
        ([[2, first.id, None]], "2.00"),
        ([[3, first.id, None], [0, 0, {"planned": 4}]], "6.00"),
        ([[5, 0, None]], "0"),
        ([[6, 0, [second.id]]], "2.00"),
        ([[0, 0, {}], [1, first.id, {"planned": 3}]], "5.00"),
    ]
    for commands, hours in cases:
        found = draft(env, "works.project", {TASK: commands}, record=project.id, changed=[TASK], names=["hours"])
        assert found.values == {"hours": hours}, commands
    assert len(project.task_ids) == 2


def test_what_changes_around_lines_changes_them(ann: Env) -> None:
    tool = ann[Tool].create({"name": "t"})
    top = ann[Project].create({"name": "top"})
    ann[Project].create({"name": "low", "parent_id": top})
    found = draft(ann, "works.project", {"name": "new", "child_ids": []}, record=top.id, changed=["name"])
    low = top.child_ids.id
    assert found.values["path"] == "new"
    assert found.values["child_ids"] == [[1, low, {"path": "new / low"}]]
    assert draft(ann, "works.project", {"tool_id": tool.id}, record=top.id, names=["tool_place"]).values == {}


def test_the_form_of_a_line_knows_the_record_around_it(ann: Env) -> None:
    parent = {"name": "not saved", "site_id": ann[Site].create({"name": "Yard"}).id}
    found = draft(ann, "works.project", {"name": "c", "parent_id": parent}, names=["path", "title", "parent_site"])
    assert found.values == {"path": "not saved / c", "title": "Yard", "parent_site": "Yard"}
    stored = ann[Project].create({"name": "top", "site_id": parent["site_id"]})
    inside = {"id": stored.id, "name": "renamed"}
    found = draft(ann, "works.project", {"name": "c", "parent_id": inside}, names=["path", "title", "parent_id"])
    assert found.values == {"path": "renamed / c", "title": "Yard"}
    assert stored.name == "top"


def test_amounts_follow_their_currency(project: Project) -> None:
    env = project.env
    yen = env[Currency].search(Currency.name == "JPY")
    values = {"currency_id": yen.id, "budget": "1.5"}
    found = draft(env, "works.project", values, record=project.id, changed=["currency_id"], names=["cost"])
    assert found.values == {"cost": "5"}


# -- what is wrong -----------------------------------------------------------------------------------------------------


def test_what_was_entered_wrongly_is_said_and_not_used(project: Project) -> None:
    values = {"budget": "much", "site_id": "x", TASK: changed_task(project, planned="y")}
    found = draft(project.env, "works.project", values, record=project.id, changed=["budget"])
    assert {problem.field for problem in found.problems} == {"budget", "site_id", "task_ids.1.planned"}
    assert found.problems[0].message == "Budget: 'much' is not a number."
    assert found.plain()["warnings"]


@pytest.mark.parametrize(("values", "changed"), WRONG)
def test_what_is_no_form_is_refused(ann: Env, values: dict[str, object], changed: list[str]) -> None:
    with pytest.raises(ValidationError):
        draft(ann, "works.project", values, changed=changed)


# -- rights ------------------------------------------------------------------------------------------------------------


def test_a_draft_tells_nothing_that_its_reader_may_not_read(shared: Trade) -> None:
    with shared.undone() as env:
        hidden = env[Site].create({"name": "secret place", "hidden": True, "secret": "x"})
        seen = env[Site].create({"name": "seen", "secret": "deep"})
        project = env[Project].create({"name": "p", "site_id": seen})
        other = env[Project].create({"name": "o", "task_ids": [{"name": "hers"}]})
        env.flush()
        ann = shared.as_user(env, "ann")
        for site in (hidden.id, 10**9):
            found = draft(ann, "works.project", {"name": "p", "site_id": site}, changed=["site_id"])
            assert [problem.field for problem in found.problems] == ["site_id"]
            assert "that you may see" in found.problems[0].message
            assert "secret place" not in str(found)
        everything = str(draft(ann, "works.project", {"site_id": seen.id}))
        assert "deep" not in everything
        assert "psst" not in everything
        assert "deep" in str(draft(shared.as_user(env, "sec"), "works.project", {"site_id": seen.id}))
        attempts: list[Callable[[], Draft]] = [
            lambda: draft(ann, "works.project", {"site_secret": "x"}),
            lambda: draft(ann, "works.project", {}, names=["whisper"]),
            lambda: draft(ann, "works.sheet", {"secret_note": "x"}),
            lambda: draft(ann, "works.project", {TASK: [[1, other.task_ids.id, EMPTY_LINE[2]]]}, record=project.id),
            lambda: draft(ann, "works.project", {TASK: [[4, 10**9, 0]]}, record=project.id),
            lambda: draft(shared.as_user(env, "joe"), "works.project", {}),
        ]
        for attempt in attempts:
            with pytest.raises(AccessError):
                attempt()
        with pytest.raises(MissingError):
            draft(ann, "works.site", {}, record=hidden.id)
        with pytest.raises(MissingError):
            draft(ann, "works.project", {"parent_id": {"id": 10**9}})


def test_what_somebody_may_not_write_keeps_its_value_whatever_the_form_says(ann: Env) -> None:
    price = ann[Price].create({"name": "x"})
    found = draft(ann, "works.price", {"fixed": 99, "name": "y"}, record=price.id, names=["fixed", "name"])
    assert found.values == {}
    project = ann[Project].create({"name": "p"})
    found = draft(ann, "works.project", {"hours": "99", "path": "lie"}, record=project.id, names=["cost", "days"])
    assert found.values == {}


def test_a_draft_writes_nothing_and_postgresql_sees_to_it(own: Trade, counted: Counted) -> None:
    with own.acting() as env:
        project = env[Project].create({"name": "p", TASK: [{"planned": 1}]})
        ids = (project.id, project.task_ids.id)
    with open_env(own.database, own.registry, own.door("ann"), mode="read") as ann, counted() as statements:
        values = {"name": "q", TASK: [[1, ids[1], {"planned": 9}], [0, 0, {"planned": 1}]]}
        found = draft(ann, "works.project", values, record=ids[0], changed=["name", TASK])
        assert found.values["hours"] == "10.00"
    assert not [text for text in statements if not text.startswith("SELECT")]
    with own.acting() as env:
        assert env[Project].browse(ids[0]).name == "p"
        assert env[Task].browse(ids[1]).planned == 1


def test_what_works_a_field_out_cannot_write_in_a_draft(ann: Env) -> None:
    project = ann[Project].create({"name": "p"})
    apart = ann._apart()
    for attempt in (
        lambda: apart[Project].create({"name": "x"}),
        lambda: apart[Project].browse(project.id).write({"name": "x"}),
        lambda: apart[Project].browse(project.id).unlink(),
        lambda: apart.sudo("a test tries to write past a draft")[Project].browse(project.id).write({"name": "x"}),
        lambda: apart.with_company(apart.companies[0])[Project].browse(project.id).write({"name": "x"}),
        lambda: apart.in_locale(ann.locale)[Project].browse(project.id).write({"name": "x"}),
    ):
        with pytest.raises(DraftWritten):
            attempt()
    assert project.name == "p"


def test_a_draft_costs_statements_that_its_lines_do_not_multiply(ann: Env, counted: Counted) -> None:
    costs: list[int] = []
    for size in (3, 300):
        project = ann[Project].create({"name": "p", TASK: [{"planned": i} for i in range(size)]})
        ann.flush()
        ann.cache.forget()
        commands = [[1, task, {"planned": 2}] for task in project.task_ids.ids]
        with counted() as statements:
            found = draft(ann, "works.project", {TASK: commands}, record=project.id, changed=[TASK])
        assert isinstance(found, Draft)
        costs.append(len(statements))
    assert costs[0] == costs[1] <= 25, costs
