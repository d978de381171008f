"""The life of apps in a real database: installed, upgraded over three versions, uninstalled; always old or new."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from growsoft.orm import Env
from growsoft.postgres.keeper import AppsRefused, UpgradeNeeded, new_database_name
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.integration.keeper.conftest import House
from tests.integration.keeper.libraries import Library, new_library


@pytest.fixture
def library(house: House, pools: Pools, tmp_path: Path) -> Iterator[Library]:
    with new_library(house, pools, tmp_path) as made:
        yield made


def names(env: Env, model: str, field: str = "name") -> list[Any]:
    return [row[field] for row in env[model].search_read([], [field], order=field)]


def test_a_new_database_has_the_records_of_the_files(library: Library) -> None:
    with library.env("1.0") as env:
        assert names(env, "library.shelf") == ["Shelf A", "Shelf B", "Shelf C", "Shelf D", "Yours"]
        emma = env["library.book"].search([["name", "=", "Emma"]])
        assert emma.read(["author", "shelf_id", "state"])[0]["shelf_id"][1] == "Shelf A"
        assert len(emma.mapped("also_on")) == 2
        assert env["library.book"].search_count([]) == 2  # no demo book


def test_an_upgrade_over_two_versions_brings_data_tables_and_records(library: Library) -> None:
    with library.env("1.0") as env:
        shelves = env["library.shelf"]
        shelves.search([["name", "=", "Shelf A"]]).write({"name": "Renamed by people"})
        own = shelves.search([["name", "=", "Yours"]])
        own.write({"name": "Mine"})
        env["library.book"].create({"name": "Own", "author": "Mary Ann Evans", "note": "kept"})
        env["library.book"].create({"name": "On D", "shelf_id": shelves.search([["name", "=", "Shelf D"]])})
    done = library.keeper("3.0").upgrade_apps(library.name)
    assert (done.before["library"], done.apps["library"]) == ("1.0", "3.0")
    assert [note for note in done.notes if "library.shelf_d" in note]  # linked: it stays, and that is said
    assert [note for note in done.notes if "note is no longer declared" in note]
    with library.env("3.0") as env:
        # A is written again; B is gone with the link to it; C is as it was; D is linked; one's own is people's.
        assert names(env, "library.shelf") == ["Mine", "Shelf A", "Shelf C", "Shelf D"]
        rows = env["library.book"].search_read([], ["title", "first_name", "last_name", "year"], order="title")
        assert [(r["title"], r["first_name"], r["last_name"], r["year"]) for r in rows] == [
            ("Emma", "Jane", "Austen", 1900),
            ("On D", "", "", 1900),
            ("Own", "Mary Ann", "Evans", 1900),
            ("Ulysses", "James", "Joyce", 1900),
        ]
        env["library.book"].create({"title": "Lost", "state": "lost"})
        env["library.loan"].create({"who": "Kim", "book_id": env["library.book"].search([], limit=1)})
    columns = library.columns("library_book")
    assert {"title", "first_name", "note"} <= columns
    assert not {"name", "author"} & columns


def test_step_by_step_ends_where_one_leap_does(library: Library) -> None:
    library.keeper("2.0").upgrade_apps(library.name)
    done = library.keeper("3.0").upgrade_apps(library.name)
    fresh = library.keeper("3.0").create_database(new_database_name(), uuid4(), ("library",))
    assert done.fingerprint == fresh.fingerprint
    library.keeper("3.0").drop_database(fresh.name)


def test_doing_it_again_changes_nothing(library: Library) -> None:
    keeper = library.keeper("3.0")
    keeper.upgrade_apps(library.name)
    with library.env("3.0") as env:
        before = env["library.book"].search_read([], ["version", "write_date"]), env["ir.model.data"].search_read([])
    again = keeper.upgrade_apps(library.name)
    assert (again.changed, again.notes, again.statements) == (False, (), ())
    named = keeper.upgrade_apps(library.name, ["library"])
    assert (named.changed, named.statements) == (True, ())
    with library.env("3.0") as env:
        after = env["library.book"].search_read([], ["version", "write_date"]), env["ir.model.data"].search_read([])
    assert after == before


def test_a_database_of_older_apps_is_refused_until_it_is_upgraded(library: Library) -> None:
    keeper = library.keeper("2.0")
    for ask in (
        lambda: keeper.apply_declarations(library.name),
        lambda: keeper.install_apps(library.name, ["reviews"]),
        lambda: keeper.uninstall_apps(library.name, ["library"]),
    ):
        with pytest.raises(UpgradeNeeded):
            ask()
    assert keeper.list_apps(library.name).outdated
    keeper.upgrade_apps(library.name)
    assert not keeper.list_apps(library.name).outdated
    assert keeper.apply_declarations(library.name).apps == ("base", "library")
    with pytest.raises(AppsRefused, match="newer than the installed"):
        library.keeper("1.0").upgrade_apps(library.name)


def test_an_app_comes_and_goes_with_all_it_brought(library: Library) -> None:
    keeper = library.keeper("1.0")
    before = library.made.fingerprint
    done = keeper.install_apps(library.name, ["reviews"])
    assert set(done.apps) == {"base", "library", "reviews"}
    assert keeper.install_apps(library.name, ["reviews"]).changed is False
    with library.env("1.0", "reviews") as env:
        assert env["ir.sequence"].search_count([["code", "=", "review"]]) == 1
        assert env["res.groups"].search_count([["key", "=", "reviews.critic"]]) == 1
        review = env["reviews.review"].create({"text": "Good", "book_id": env["library.book"].search([], limit=1)})
        env["res.company"].search([]).write({"best_review_id": review.id})
    assert {"best_review_id", "praise"} <= library.columns("res_company")
    gone = keeper.uninstall_apps(library.name, ["reviews"])
    assert (set(gone.apps), gone.fingerprint) == ({"base", "library"}, before)
    assert keeper.uninstall_apps(library.name, ["reviews"]).changed is False
    assert not library.columns("reviews_review")
    assert not {"best_review_id", "praise"} & library.columns("res_company")
    with library.env("1.0") as env:
        assert env["ir.sequence"].search_count([["code", "=", "review"]]) == 0
        assert env["res.groups"].search_count([["key", "=", "reviews.critic"]]) == 0
        assert env["ir.model.data"].search_count([["module", "=", "reviews"]]) == 0
        env["res.company"].create({"name": "Another", "currency_id": env["res.currency"].search([], limit=1)})


def test_what_another_app_depends_on_is_not_uninstalled(library: Library) -> None:
    keeper = library.keeper("1.0")
    keeper.install_apps(library.name, ["reviews"])
    with pytest.raises(AppsRefused, match="reviews depends on library"):
        keeper.uninstall_apps(library.name, ["library"])
    assert set(keeper.uninstall_apps(library.name, ["library", "reviews"]).apps) == {"base"}
    assert not library.columns("library_book")
    with pytest.raises(AppsRefused, match="one app at least"):
        keeper.uninstall_apps(library.name, ["base"])


def test_demo_records_come_into_demo_databases_only_and_stay_theirs(library: Library) -> None:
    keeper = library.keeper("1.0")
    keeper.install_apps(library.name, ["library"], demo=True)
    with library.env("1.0") as env:
        assert env["library.book"].search_count([["name", "=like", "Demo %"]]) == 100
    assert keeper.list_apps(library.name).demo
    library.keeper("2.0").upgrade_apps(library.name)
    with library.env("2.0") as env:  # version 2.0 brings no demo books any more
        assert env["library.book"].search_count([["title", "=like", "Demo %"]]) == 0


def test_a_rehearsal_says_what_would_change_and_changes_nothing(library: Library) -> None:
    keeper = library.keeper("3.0")
    before = {name for name in library.house.names() if "template" not in str(name)}
    told = keeper.rehearse_upgrade(library.name)
    assert told.upgrade.apps["library"] == "3.0"
    assert told.rows["public.library_shelf"] == (5, 3)
    assert any("library_book" in statement for statement in told.upgrade.statements)
    assert told.upgrade_seconds > 0
    assert {name for name in library.house.names() if "template" not in str(name)} == before
    with library.env("1.0") as env:
        assert len(names(env, "library.shelf")) == 5
    assert keeper.list_apps(library.name).outdated


def test_a_database_that_older_scripts_made_is_dumped_and_upgraded(library: Library, tmp_path: Path) -> None:
    keeper = library.keeper("1.0")
    with superuser(library.house.endpoint(library.name)) as connection:
        connection.run(sql("DROP FUNCTION gs.end_sessions(bigint); ALTER TABLE gs_priv.link DROP COLUMN used_at"))
        connection.run(sql("UPDATE gs_priv.meta SET value = 'older' WHERE key = 'platform'"))
    with pytest.raises(UpgradeNeeded):
        keeper.apply_declarations(library.name)
    with (tmp_path / "dump").open("w+b") as file:
        dumped = keeper.dump(library.name, file.fileno())
        assert dumped.apps["library"] == "1.0"
    told = keeper.rehearse_upgrade(library.name)
    done = keeper.upgrade_apps(library.name)
    assert told.upgrade.fingerprint == done.fingerprint == library.made.fingerprint
    assert keeper.apply_declarations(library.name).fingerprint == done.fingerprint
    with library.env("1.0") as env:
        assert len(names(env, "library.shelf")) == 5
