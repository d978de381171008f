"""Input that nobody types is answered by a sentence, and no record can be made that breaks the pages of its readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import pytest

from tests.support.served import Browser, Showcase

ZONES: Final = ("Asia/Tokyo", "America/New_York", "Pacific/Kiritimati", "UTC")
EXTREMES: Final = {
    "moment": ("0001-01-01T00:00", "0001-01-02T00:00", "9999-12-31T23:59", "9999-12-30T00:00", "1582-10-10T00:00"),
    "day": ("0001-01-01", "9999-12-31"),
    "weight": ("9" * 30, "9" * 31, "-" + "9" * 28 + ".999", "1e29", "1e30", "1e-999999", "1E+1000000", "0" * 99),
    "price": ("9" * 30, "9" * 27 + ".99", "1e29", "-0", "1e-400"),
    "count": (str(2**31 - 1), str(2**31), "9" * 19, "9" * 5000, "-1", "\u0663"),
    "note": ("\u202e\u2066\ufeff\x01\x1b[31m", "\u0301" * 5000, "\U0010ffff\ufffe"),
    "name": ("\u200b", "\u202egnp.exe", "a" * 60, "a" * 61, "%", "\\", "%s{}$1", "..", "0", "None"),
}  # fmt: skip
ADDRESSES: Final = (
    "&".join(f"a{number}=1" for number in range(1000)), "q=" + "x" * 20_000,
    "f=name:" + "x" * 20_000, "&".join(f"f=name:{number}" for number in range(199)), "page=-1", "page=0",
    "page=" + "9" * 5000, "page=1e9", "page=\u0663", "page=9999999", "sort=", "sort=-", "sort=--name",
    "sort=name%20desc", "sort=id%3Bselect", "sort=name,secret", "filter=" + "x" * 5000, "f=", "f=:", "f=name:",
    "f=moment:0001", "f=moment:<0001-01-01", "f=moment:9999", "f=moment:9999-12", "f=moment:>=9999-12-31",
    "f=day:0001-01-01", "f=day:0000", "f=day:2024-02-30", "f=count:>" + "9" * 40,
    "f=count:1e5", "f=weight:>1e-999999", "f=weight:sNaN", "f=weight:-Infinity", "f=weight:" + "9" * 199,
    "f=state:x", "f=active:perhaps", "f=owner_id:%25", "f=tag_ids:%5C", "f=line_ids:_", "q=%5C", "q=%00",
    "q=%ED%A0%80", "q=%FF%FE", "q=%F0%9F%92%A9%E2%80%AE", "q=name:%22", "q=" + "name:a%20" * 90,
    "q=" + "a.b.c:" * 80, "%00=%00", "=&&&=", "q=a;q=b", "q[]=1", "q.x=1",
)  # fmt: skip


@pytest.fixture
def in_zone(showcase: Showcase) -> Callable[[str], None]:
    """Let Ben live somewhere else."""

    def move(zone: str) -> None:
        with showcase.elevated() as env:
            env["res.users"].search([["login", "=", "ben"]]).write({"tz": zone})

    return move


@pytest.mark.parametrize("field", EXTREMES)
def test_what_can_be_stored_can_be_shown_everywhere(ben: Browser, in_zone: Callable[[str], None], field: str) -> None:
    form = ben.get("/app/show.item/new").inputs()
    answers = [ben.post("/app/show.item/new", {**form, "v.name": "Thing", f"v.{field}": it}) for it in EXTREMES[field]]
    assert {answer.status for answer in answers} <= {303, 422}
    made = [answer.location for answer in answers if answer.status == 303]
    assert made
    for zone in ZONES:
        in_zone(zone)
        for path in ("/app/show.item", *made):
            assert ben.get(path).status == 200, (zone, path)
    for path in made:
        assert ben.submit(path + "/edit", v__code=path).status == 303, path


@pytest.mark.parametrize("zone", ZONES[:2])
def test_an_address_that_nobody_made_shows_a_list_or_says_what_is_wrong(
    ben: Browser, in_zone: Callable[[str], None], zone: str
) -> None:
    in_zone(zone)
    for query in ADDRESSES:
        for path in ("/app/show.item", "/app/show.item/options", "/app/find"):
            answer = ben.get(f"{path}?field=q&{quote(query, safe='=&%:;,<>-.')}")
            assert answer.status < 500, (path, query[:80])


def test_nobody_makes_us_read_a_large_form_before_he_is_known(visitor: Browser, ben: Browser) -> None:
    large = b"a=" + b"%" * 100_000
    # What is no form is refused as such where it is read at all.
    kind = {"content-type": "no/form", "origin": f"https://{visitor.host}", "sec-fetch-site": "same-origin"}
    for path in ("/web/login", "/web/link/x"):
        assert visitor.ask("POST", path, b"a", kind).status == 415
        assert visitor.ask("POST", path, large, kind).status == 413
    visitor.cookies["__Host-gs"] = "x" * 43
    for path in ("/web/logout", "/web/password", "/app/show.item/new"):
        assert visitor.ask("POST", path, b"a", kind).status == 415
        assert visitor.ask("POST", path, large, kind).status in {303, 401}
        assert ben.ask("POST", path, large, kind).status == 415


def test_a_large_form_of_somebody_who_is_known_is_taken(ben: Browser) -> None:
    note = "%" * 200_000
    made = ben.submit("/app/show.item/new", v__name="Large", v__note=note)
    assert made.status == 303
    assert note in ben.get(made.location).text


@pytest.mark.parametrize("query", ADDRESSES[:4])
def test_pages_for_everybody_bear_any_address(visitor: Browser, query: str) -> None:
    for path in ("/", "/web/login", "/web/link/x", "/app"):
        assert visitor.get(f"{path}?{query}").status < 500, (path, query[:80])
