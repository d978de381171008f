"""Fields that are worked out: related ones, hierarchies, values that people correct, and values that are elsewhere."""

from __future__ import annotations

from decimal import Decimal

import pytest

from growsoft.errors import AccessError, UserError, ValidationError
from growsoft.orm import Env
from growsoft.orm.domain import DomainError
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Counted, Trade
from tests.integration.orm_fields.works import Grade, Project, Site, Tag, Task, Tool


def forgotten(env: Env) -> None:
    """Read everything anew."""
    env.flush()
    for cache in env.work.caches.values():
        cache.forget()


def values(*found: object) -> tuple[object, ...]:
    """Give values of several types, to compare them at once."""
    return found


# -- related -----------------------------------------------------------------------------------------------------------


def test_a_related_field_shows_what_is_at_the_end_of_its_path(ann: Env) -> None:
    site = ann[Site].create({"name": "Yard", "quality": "fine", "visits": 4})
    project = ann[Project].create({"name": "p", "site_id": site})
    child = ann[Project].create({"name": "c", "parent_id": project})
    assert (project.site_name, project.site_quality, project.site_visits) == ("Yard", Grade.FINE, 4)
    assert (child.site_name, child.site_quality, child.parent_site) == ("", None, "Yard")
    site.name = "Field"
    assert (project.site_name, child.parent_site) == ("Field", "Field")
    assert project.read(["site_name", "parent_site"]) == [{"id": project.id, "site_name": "Field", "parent_site": ""}]


def test_a_related_field_is_found_by_what_it_shows_unset_included(ann: Env) -> None:
    sites = ann[Site].create([{"name": "A", "visits": 5}, {"name": "B", "quality": "fine"}])
    a, b = ann[Project].create([{"name": s.name.lower(), "site_id": s} for s in sites])
    c = ann[Project].create({"name": "c"})
    child = ann[Project].create({"name": "d", "parent_id": a})
    everything = a + b + c + child
    cases = [
        (Project.site_name == "A", a),
        (Project.site_name == "", c + child),
        (Project.site_name != "A", b + c + child),
        (Project.site_name != "", a + b),
        (Project.site_name.ilike("a"), a),
        (Project.site_name.in_(["A", ""]), a + c + child),
        (Project.site_name.not_in(["A", ""]), b),
        (Project.site_visits == 0, b + c + child),
        (Project.site_visits <= 3, b + c + child),
        (Project.site_visits > 3, a),
        (Project.site_quality == None, a + c + child),  # noqa: E711  a condition
        (Project.site_quality == Grade.FINE, b),
        (Project.parent_site == "A", child),
        (Project.parent_site == "", a + b + c),
        (Project.parent_id.any(Project.site_name == "A"), child),
    ]
    for condition, wanted in cases:
        assert ann[Project].search(condition) == wanted, condition
        assert everything.filtered(condition) == wanted, condition
    for value, wanted in [("A", a), ("", c + child), ("B", b)]:  # the same form, other values
        assert ann[Project].search([["site_name", "=", value]]) == wanted
    assert ann[Project].search([["parent_id.site_name", "=", "A"]]) == child
    with pytest.raises(DomainError, match="sort"):
        ann[Project].search([], order="site_name")


def test_a_stored_related_field_follows_and_can_be_sorted_by(ann: Env) -> None:
    yard, shed = ann[Site].create([{"name": "Yard"}, {"name": "Shed"}])
    tools = ann[Tool].create([{"name": "t", "site_id": yard}, {"name": "u", "site_id": shed}])
    a, b = ann[Project].create([{"name": t.name, "tool_id": t} for t in tools])
    assert ann[Project].search([["tool_id", "!=", False]], order="tool_place").ids == (b.id, a.id)
    yard.name = "Area"
    assert ann[Project].search([["tool_id", "!=", False]], order="tool_place").ids == (a.id, b.id)
    tools[0].site_id = shed
    assert a.tool_place == "Shed"
    a.tool_id = tools.browse([])
    assert (a.tool_place, a.tool_site_id) == ("", ann[Site])


def test_a_related_field_is_read_only_unless_it_says_otherwise(ann: Env) -> None:
    project = ann[Project].create({"name": "p", "site_id": ann[Site].create({"name": "s"})})
    for name in ("site_name", "tool_place", "hours"):
        with pytest.raises(ValidationError, match="worked out by the system"):
            project.write({name: "1"})


def test_what_is_written_to_a_related_field_goes_to_where_it_comes_from(ann: Env) -> None:
    site = ann[Site].create({"name": "s"})
    tool = ann[Tool].create({"name": "t"})
    projects = ann[Project].create([{"name": n, "tool_id": tool} for n in "ab"])
    projects.write({"tool_site_id": site})
    assert tool.site_id == site
    assert projects[1].tool_site_id == site
    other = ann[Site].create({"name": "o"})
    made = ann[Project].create({"name": "c", "tool_id": tool, "tool_site_id": other.id})
    assert tool.site_id == other
    assert made.tool_place == "o"
    lonely = ann[Project].create({"name": "d"})
    with pytest.raises(UserError, match="kept at Tool, and there is none"), ann.savepoint():
        lonely.tool_site_id = site


def test_who_may_not_write_the_target_does_not_write_it_through_a_related_field(shared: Trade) -> None:
    with shared.undone() as env:
        hidden = env[Project].create({"name": "top"})
        child = env[Project].create({"name": "c", "parent_id": hidden})
        env.flush()
        joe = shared.as_user(env, "joe")
        with pytest.raises(AccessError):
            joe[Project].browse(child.id).parent_budget = Decimal(5)


def test_what_one_may_not_see_at_the_end_of_the_path_is_unset(shared: Trade) -> None:
    with shared.undone() as env:
        hidden = env[Site].create({"name": "secret place", "hidden": True, "secret": "x"})
        seen = env[Site].create({"name": "s", "secret": "deep"})
        project = env[Project].create({"name": "p", "site_id": hidden})
        other = env[Project].create({"name": "q", "site_id": seen})
        env.flush()
        ann = shared.as_user(env, "ann")
        mine = project.with_env(ann)
        assert mine.site_name == ""
        assert mine.read(["site_name"])[0]["site_name"] == ""
        assert not ann[Project].search(Project.site_name.ilike("secret"))
        assert "site_secret" not in mine.read()[0]
        for attempt in (
            lambda: other.with_env(ann).site_secret,
            lambda: ann[Project].search([["site_secret", "=", "deep"]]),
            lambda: other.with_env(ann).read(["site_secret"]),
        ):
            with pytest.raises(AccessError):
                attempt()
        assert other.with_env(shared.as_user(env, "sec")).site_secret == "deep"


# -- values that are elsewhere -----------------------------------------------------------------------------------------


def test_an_inverse_brings_the_value_to_where_it_comes_from(ann: Env) -> None:
    project = ann[Project].create({"name": "p"})
    project.label = "new:12"
    assert values(project.name, project.budget, project.label) == ("new", 12, "new:12")
    made = ann[Project].create([{"name": "x", "label": "a:1"}, {"name": "y", "label": "b:2"}])
    assert list(values(*[(p.name, p.budget) for p in made])) == [("a", 1), ("b", 2)]
    project.days = Decimal("1.5")
    assert values(project.hours, project.days, project.task_ids.hours) == (12, Decimal("1.5"), 12)


def test_an_inverse_runs_with_the_rights_of_its_caller(shared: Trade) -> None:
    with shared.undone() as env:
        project = env[Project].create({"name": "p"})
        env.flush()
        with pytest.raises(AccessError):
            project.with_env(shared.as_user(env, "joe")).label = "new:12"
        with pytest.raises(Exception, match="You may not do this"):
            shared.as_user(env, "ann").execute(sql("UPDATE works_project SET days = 5"))


def test_a_search_method_says_where_to_look(ann: Env) -> None:
    a, b = ann[Project].create([{"name": "a", "budget": 1}, {"name": "b", "budget": 2, "label": "b:3"}])
    assert ann[Project].search(Project.label == "b:3") == b
    assert ann[Project].search([["label", "=", "a:1"]]) == a
    assert ann[Project].search(Project.label != "a:1") == b
    assert ann[Project].search_count([["label", "=", "a:1"]]) == 1
    child = ann[Project].create({"name": "c", "parent_id": a})
    assert ann[Project].search([["parent_id.label", "=", "a:1"]]) == child
    with pytest.raises(DomainError, match="found by ="):
        ann[Project].search([["label", "ilike", "x"]])
    with pytest.raises(DomainError, match="not stored and cannot be searched"):
        ann[Task].search([["late", "=", True]])
    with pytest.raises(ValidationError, match="Label: "):
        ann[Project].search([["label", "=", 5]])


def test_a_field_of_a_group_that_is_not_stored_is_kept_from_others(shared: Trade) -> None:
    with shared.undone() as env:
        project = env[Project].create({"name": "p"})
        env.flush()
        ann = project.with_env(shared.as_user(env, "ann"))
        assert "whisper" not in ann.read()[0]
        with pytest.raises(AccessError):
            _ = ann.whisper
        assert project.with_env(shared.as_user(env, "sec")).whisper == "psst "


# -- values that people correct ----------------------------------------------------------------------------------------


def test_a_corrected_value_stays_until_what_it_comes_from_changes(ann: Env) -> None:
    tag = ann[Tag].create({"name": "t", "rate": 2})
    project = ann[Project].create({"name": "p", "task_ids": [{"name": "x", "planned": 3, "tag_id": tag.id}]})
    task = project.task_ids
    assert values(task.hours, project.hours) == (6, 6)
    task.hours = Decimal(7)
    forgotten(ann)
    assert values(task.hours, project.hours, task.late) == (7, 7, True)
    task.limit = Decimal(9)
    forgotten(ann)
    assert values(task.hours, task.late) == (7, False)
    tag.rate = 3
    assert values(task.hours, project.hours) == (9, 9)
    task.write({"planned": 10, "hours": 1})
    assert values(task.hours, project.hours) == (1, 1)
    forgotten(ann)
    assert values(task.planned, task.hours, project.hours) == (10, 1, 1)


def test_a_value_that_is_given_to_a_new_record_stands(ann: Env) -> None:
    site = ann[Site].create({"name": "Yard"})
    top = ann[Project].create({"name": "top", "site_id": site, "title": "mine"})
    a, b = ann[Project].create([{"name": "a", "parent_id": top.id, "title": "own"}, {"name": "b", "parent_id": top.id}])
    forgotten(ann)
    assert (top.title, a.title, b.title) == ("mine", "own", "mine")
    tasks = ann[Task].create([{"project_id": a.id, "planned": 2, "hours": 5}, {"project_id": a.id, "planned": 3}])
    forgotten(ann)
    assert values([task.hours for task in tasks], a.hours, top.hours) == ([5, 3], 8, 8)
    site.name = "Field"
    forgotten(ann)
    assert (top.title, b.title) == ("Field", "Field")


def test_a_corrected_value_is_written_by_those_who_may_write(shared: Trade) -> None:
    with shared.undone() as env:
        project = env[Project].create({"name": "p", "task_ids": [{"planned": 3}]})
        env.flush()
        ann = shared.as_user(env, "ann")
        ann[Task].browse(project.task_ids.id).hours = Decimal(4)
        ann.execute(sql("UPDATE works_task SET hours = 5, write_uid = (SELECT gs.user_id())"))
        with pytest.raises(AccessError):
            shared.as_user(env, "joe")[Task].browse(project.task_ids.id).hours = Decimal(4)


# -- hierarchies -------------------------------------------------------------------------------------------------------


def tree(env: Env, depth: int, width: int) -> Project:
    """Make a tree of projects, a task in each."""
    made = level = env[Project].create({"name": "0", "task_ids": [{"planned": 1}]})
    for _depth in range(depth):
        level = env[Project].create(
            [
                {"name": str(i), "parent_id": parent.id, "task_ids": [{"planned": 1}]}
                for parent in level
                for i in range(width)
            ]
        )
        made += level
    return made


def test_sums_go_up_a_hierarchy_and_names_go_down(ann: Env) -> None:
    made = tree(ann, 3, 2)
    assert values(len(made), made[0].hours) == (15, 15)
    assert made[-1].path == "0 / 1 / 1 / 1"
    made[-1].task_ids.planned = Decimal(11)
    assert [made[-1].hours, made[-1].parent_id.hours, made[0].hours] == [11, 13, 25]
    made[0].name = "top"
    assert made[-1].path == "top / 1 / 1 / 1"
    branch = made[1]
    branch.parent_id = made.browse([])
    forgotten(ann)
    assert values(made[0].hours, branch.hours, branch.path) == (18, 7, "0")
    branch.parent_id = made[-1]
    assert values(made[0].hours, made[-1].hours, branch.path) == (25, 18, "top / 1 / 1 / 1 / 0")
    made[-1].task_ids.unlink()
    assert made[0].hours == 14
    branch.child_ids[0].child_ids[0].unlink()
    forgotten(ann)
    assert values(branch.hours, made[0].hours) == (6, 13)


def test_a_hierarchy_costs_statements_by_its_depth_and_not_by_its_size(ann: Env, counted: Counted) -> None:
    costs: list[int] = []
    for width in (2, 8):
        made = tree(ann, 2, width)
        ann.flush()
        ann.cache.forget()
        with counted() as statements:
            made.task_ids.write({"planned": 2})
            ann.flush()
        costs.append(len(statements))
        assert made[0].hours == 2 * len(made)
    assert costs[0] == costs[1] <= 60


def test_a_hierarchy_that_leads_round_in_a_circle_is_refused(ann: Env) -> None:
    a, b, c = ann[Project].create([{"name": n} for n in "abc"])
    a.parent_id = b
    b.parent_id = c
    ann.flush()
    for below in (a, c):
        with pytest.raises(ValidationError, match="round in a circle"), ann.savepoint():
            c.parent_id = below
    assert a.path == "c / b / a"


# -- how much it costs -------------------------------------------------------------------------------------------------


def test_a_thousand_lines_are_worked_out_in_a_bounded_number_of_statements(ann: Env, counted: Counted) -> None:
    costs: list[int] = []
    for size in (10, 1000):
        tag = ann[Tag].create({"name": "t"})
        lines = [{"planned": i, "tag_id": tag.id} for i in range(size)]
        with counted() as making:
            project = ann[Project].create({"name": "p", "tag_ids": [(6, 0, tag.ids)], "task_ids": lines})
            ann.flush()
        with counted() as changing:
            tag.rate = 3
            ann.flush()
        costs += [len(making), len(changing)]
        forgotten(ann)
        assert project.hours == 3 * sum(range(size))
        assert project.cost == 9 * sum(range(size))
    assert costs[0] == costs[2] <= 50, costs
    assert costs[1] == costs[3] <= 50, costs
