"""Files fill the fields of these kinds as they fill others, and say line by line what does not fit."""

from __future__ import annotations

import io

from growsoft.exchange.importing import import_csv
from growsoft.exchange.plan import Options, make_plan
from growsoft.exchange.report import Report
from growsoft.orm import Env
from tests.integration.orm_fields.works import Price, Project, Sheet, Site


def take(env: Env, model: str, text: str) -> Report:
    """Import a file whose columns are called like the fields."""
    names = text.partition("\n")[0].split(",")
    plan = make_plan(env.registry, env.registry[model], Options(maps=[(name, name) for name in names]))
    return import_csv(env, plan, io.BytesIO(text.encode()), partial=False, dry_run=False)


def test_formatted_text_structures_and_references_are_imported(ann: Env) -> None:
    site = ann[Site].create({"name": "s"})
    text = f'name,note,data,subject\nx,<p onclick=a>b</p>,"{{""k"": [1]}}","works.site,{site.id}"\ny,,,\n'
    assert not take(ann, "works.sheet", text).errors
    x, y = ann[Sheet].search([])
    assert (x.note, x.data, x.subject) == ("<p>b</p>", {"k": [1]}, site)
    assert (y.note, y.data, y.subject) == ("", None, None)


def test_what_does_not_fit_is_said_by_line_and_column(ann: Env) -> None:
    report = take(ann, "works.sheet", 'name,data,subject\nx,{,\ny,,"works.nothing,1"\n')
    assert [(error.line, error.column) for error in report.errors] == [(2, "data"), (3, "subject")]
    assert "Write JSON" in report.errors[0].reason
    assert not ann[Sheet].search([])


def test_values_of_a_company_and_corrected_values_are_imported(ann: Env) -> None:
    assert not take(ann, "works.price", "name,number,grade\nx,5,fine\n").errors
    assert ann[Price].search([]).number == 5
    assert not take(ann, "works.project", "name,title,label\nx,mine,a:7\n").errors
    project = ann[Project].search([])
    assert (project.title, project.name, int(project.budget)) == ("mine", "a", 7)
