"""Languages and companies in the browser: people read theirs, on their own clock, and work where they chose."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.support.served import Browser, Showcase

PREFERENCES = "/web/preferences"


@pytest.fixture
def german(ben: Browser) -> Browser:
    """Ben, who reads German in Berlin."""
    assert ben.submit(PREFERENCES, lang="de_DE", tz="Europe/Berlin").status == 303
    return ben


@pytest.mark.parametrize(
    ("wanted", "word", "lang"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "Anmelden", "de-DE"),
        ("de", "Anmelden", "de-DE"),
        ("fr;q=0.9, de;q=0.8, en;q=0.1", "Anmelden", "de-DE"),
        ("fr, en;q=0.3, de;q=0.2", "Sign in", "en-US"),
        ("", "Sign in", "en-US"),
        ("tlh", "Sign in", "en-US"),
        (";;q=,,*", "Sign in", "en-US"),
        ("x" * 10_000, "Sign in", "en-US"),
    ],
)
def test_a_stranger_reads_what_his_browser_asks_for(visitor: Browser, wanted: str, word: str, lang: str) -> None:
    answer = visitor.get("/web/login", accept_language=wanted)
    assert answer.status == 200
    assert f"<h1>{word}</h1>" in answer.text
    assert f'<html lang="{lang}">' in answer.text


def test_a_refusal_speaks_the_strangers_language(visitor: Browser) -> None:
    visitor.get("/web/login")
    answer = visitor.post("/web/login", {"login": "ben", "password": "wrong"}, accept_language="de")
    assert (answer.status, "Anmeldung oder Passwort ist falsch." in answer.shown()) == (401, True)
    nowhere = Browser(visitor.application, host="nowhere.localhost").get("/", accept_language="de")
    assert "Unbekannte Adresse" in nowhere.shown()


def test_somebody_chooses_his_language_and_time_zone(showcase: Showcase, ben: Browser) -> None:
    page = ben.get(PREFERENCES)
    assert "Deutsch" in page.text
    assert "Europe/Berlin" in page.text
    assert (page.inputs()["lang"], page.inputs()["tz"]) == ("en_US", "")  # an option without a value is its words
    assert ben.follow(ben.submit(PREFERENCES, lang="de_DE", tz="Europe/Berlin")).text.count("Einstellungen") >= 2
    with showcase.elevated() as env:
        user = env["res.users"].search([["login", "=", "ben"]])
        assert user.read(["lang", "tz"])[0] | {"id": 0} == {"id": 0, "lang": "de_DE", "tz": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("lang", "tz", "sentence"), [("tlh", "UTC", "choose one of de_DE, en_US"), ("de_DE", "Mars/Olympus", "Time zone")]
)
def test_a_language_or_zone_that_is_none_is_refused(ben: Browser, lang: str, tz: str, sentence: str) -> None:
    answer = ben.submit(PREFERENCES, lang=lang, tz=tz)
    assert (answer.status, sentence in answer.shown()) == (422, True)
    assert 'lang="en-US"' in ben.get("/app").text


def test_only_preferences_can_be_changed_there(showcase: Showcase, ben: Browser) -> None:
    ben.get(PREFERENCES)
    ben.post(PREFERENCES, {"lang": "de_DE", "tz": "UTC", "login": "admin", "groups_id": "1", "id": "1", "active": ""})
    with showcase.elevated() as env:
        user = env["res.users"].search([["login", "=", "ben"]])
        assert user.read(["lang", "login", "active"])[0] | {"id": 0} == {
            "id": 0, "lang": "de_DE", "login": "ben", "active": True,
        }  # fmt: skip
        assert env["res.users"].search_count([["lang", "=", "de_DE"]]) == 1
    assert Browser(ben.application).get(PREFERENCES).status == 303  # to the sign-in page
    forged = ben.ask("POST", PREFERENCES, b"lang=en_US&tz=UTC", {"content-type": "application/x-www-form-urlencoded"})
    assert forged.status == 403


def test_a_reader_sees_his_language_everywhere(showcase: Showcase, german: Browser) -> None:
    with showcase.elevated() as env:
        item = env["show.item"].create(
            {"name": "Chai", "weight": Decimal("1234.5"), "moment": datetime(2024, 5, 17, 23, 30, tzinfo=UTC)}
        )
    record = german.get(f"/app/show.item/{item.id}").shown()
    for words in ("1.234,5", "18.05.2024, 01:30", "Bearbeiten", "Zuletzt geändert"):
        assert words in record
    listed = german.get("/app/show.item").shown()
    assert "1\N{EN DASH}1 von 1" in listed
    assert "durchsuchen" in listed
    assert "Währungen" in german.get("/app").shown()
    assert german.get("/app/nothing.here").status == 404


def test_what_is_typed_is_read_as_its_writer_means_it(showcase: Showcase, german: Browser) -> None:
    with showcase.elevated() as env:
        item = env["show.item"].create({"name": "Chai"})
    saved = german.submit(f"/app/show.item/{item.id}/edit", v__weight="1.234,5", v__moment="2024-05-18T01:30")
    assert saved.status == 303
    with showcase.elevated() as env:
        row = env["show.item"].browse(item.id).read(["weight", "moment"])[0]
        assert row["weight"] == Decimal("1234.5")
        assert row["moment"] == datetime(2024, 5, 17, 23, 30, tzinfo=UTC)
    wrong = german.submit(f"/app/show.item/{item.id}/edit", v__weight="1.5", v__name="")
    assert wrong.status == 422
    for words in ("Berichtigen Sie die markierten Felder", "Nachkommastellen nach „,“", "Bitte ausfüllen."):
        assert words in wrong.shown()


def test_an_error_of_the_data_layer_speaks_german(showcase: Showcase, german: Browser) -> None:
    with showcase.elevated() as env:
        other = env["show.item"].create({"name": "Tofu"})
        owner = env["show.owner"].create({"name": "Kyoto Ltd"})
        other.write({"owner_id": owner.id})
    assert "Diesen Eintrag gibt es nicht mehr" in german.get("/app/show.item/999999").shown()
    german.get(f"/app/show.owner/{owner.id}/delete")
    refused = german.post(f"/app/show.owner/{owner.id}/delete", {})
    assert (refused.status, "auf diesen" in refused.shown()) == (422, True)


# -- companies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def companies(showcase: Showcase) -> tuple[int, int]:
    """Two companies, in both of which Ben works, and one of others."""
    with showcase.elevated() as env:
        currency = env["res.currency"].search([], limit=1)
        north, south = env["res.company"].create(
            [{"name": "North", "currency_id": currency.id}, {"name": "South", "currency_id": currency.id}]
        )
        env["res.company"].create({"name": "Theirs", "currency_id": currency.id})
        ben = env["res.users"].search([["login", "=", "ben"]])
        ben.write({"company_ids": [(6, 0, [north.id, south.id])], "company_id": north.id})
        return north.id, south.id


def test_who_works_in_one_company_has_nothing_to_choose(ben: Browser) -> None:
    assert 'action="/web/companies"' not in ben.get("/app").text


def test_somebody_chooses_the_companies_he_works_in(
    companies: tuple[int, int], signed_in: Callable[[str], Browser]
) -> None:
    north, south = companies
    ben = signed_in("ben")
    page = ben.get("/app")
    assert "North +1" in page.shown()
    assert "Theirs" not in page.shown()
    chosen = ben.post("/web/companies", {"current": str(south)})
    assert chosen.status == 303
    assert ben.cookies["__Host-gs-companies"] == str(south)
    assert "South" in ben.get("/app").shown().split("Tick")[0]
    assert "+1" not in ben.get("/app").shown()
    ben.post("/web/companies", {"current": str(south), "active": [str(north), str(south)]})
    assert ben.cookies["__Host-gs-companies"] == f"{south}.{north}"
    assert "South +1" in ben.get("/app").shown()


@pytest.mark.usefixtures("companies")
@pytest.mark.parametrize("wanted", ["999999", "0", "-1", "x", "", "9" * 40])
def test_nobody_chooses_a_company_that_is_not_his(signed_in: Callable[[str], Browser], wanted: str) -> None:
    ben = signed_in("ben")
    ben.get("/app")
    answer = ben.post("/web/companies", {"current": wanted, "active": [wanted]})
    assert (answer.status, "__Host-gs-companies" in ben.cookies) == (422, False)


@pytest.mark.usefixtures("companies")
@pytest.mark.parametrize("planted", ["999999", "999998.999999", "x", "1 2", "9" * 5000, "0"])
def test_a_cookie_that_asks_for_others_companies_opens_nothing(
    signed_in: Callable[[str], Browser], planted: str
) -> None:
    ben = signed_in("ben")
    ben.cookies["__Host-gs-companies"] = planted
    assert "North +1" in ben.get("/app").shown()


def test_a_company_that_was_taken_away_is_forgotten(
    showcase: Showcase, companies: tuple[int, int], signed_in: Callable[[str], Browser]
) -> None:
    ben = signed_in("ben")
    ben.get("/app")
    ben.post("/web/companies", {"current": str(companies[1])})
    with showcase.elevated() as env:
        env["res.users"].search([["login", "=", "ben"]]).write({"company_ids": [(3, companies[1])]})
    assert ben.get("/app").status == 200
    assert "__Host-gs-companies" not in ben.cookies
