"""Lists as their pages show them, looked up and rendered, beside the hand-written SQL of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.app.models import HIDDEN_BELOW
from bench.data_layer import Bed
from bench.measure import Measured, compare
from growsoft.views.catalogue import catalogue_of
from growsoft.views.facets import SIGNS
from growsoft.views.lister import Lister, unit_choices
from growsoft.views.manner import PLAIN
from growsoft.views.records import Records
from growsoft.views.render import Templates

MODEL = "res.partner"
# Beside the same rows by hand; the budget of screens is 100 ms for a list over 100,000 rows on a quiet machine.
BAR, GROUPED_BAR = 1.3, 1.6


def _page(made: Bed, *pairs: tuple[str, str]) -> Callable[[], object]:
    """Return what looks up and renders a list."""
    templates = Templates(["growsoft.views"], {"icon": str})  # pictures are the web's: their names will do
    records = Records(made.env)
    model = records.model(MODEL)
    views = catalogue_of(made.env.registry).views(model)

    def page() -> object:
        lister = Lister(made.env, records, model, views, f"/app/{MODEL}", pairs)
        context = {
            "screen": lister.screen(), "nonce": "n", "csrf": "", "keeps": False,
            "signs": tuple(SIGNS.items()), "units": unit_choices(PLAIN),
        }  # fmt: skip
        return templates.render("_list.html", context)

    return page


def _flat(made: Bed) -> Measured:
    """The first page, with the number of all."""
    rows = (
        b"SELECT p.id, p.name, p.ref, p.company_name, p.phone, p.email, p.city, p.country_id, c.name ->> 'en_US'"
        b" FROM res_partner p LEFT JOIN res_country c ON c.id = p.country_id WHERE p.customer_rank >= %s AND p.active"
        b" ORDER BY lower(p.name), p.name, p.id LIMIT 80"
    )
    count = b"SELECT count(*) FROM res_partner WHERE customer_rank >= %s AND active"
    return compare(
        "list page",
        _page(made),
        lambda: (
            made.raw.execute(rows, [HIDDEN_BELOW]).fetchall(),
            made.raw.execute(count, [HIDDEN_BELOW]).fetchall(),
        ),
        bar=BAR,
        rounds=20,
    )


def _by_country(made: Bed) -> Measured:
    """Groups by a link, with their names."""
    query = b"SELECT country_id, count(*) FROM res_partner WHERE customer_rank >= %s AND active GROUP BY 1"
    page = _page(made, ("group", "country_id"))
    return compare(
        "list by country", page, lambda: made.raw.execute(query, [HIDDEN_BELOW]).fetchall(), bar=GROUPED_BAR, rounds=20
    )


def _by_month(made: Bed) -> Measured:
    """Groups by the months of a moment."""
    query = (
        b"SELECT date_trunc('month', create_date, 'UTC'), count(*) FROM res_partner"
        b" WHERE customer_rank >= %s AND active GROUP BY 1"
    )
    page = _page(made, ("group", "create_date:month"))
    return compare(
        "list by month", page, lambda: made.raw.execute(query, [HIDDEN_BELOW]).fetchall(), bar=GROUPED_BAR, rounds=20
    )


def _chart(made: Bed) -> Measured:
    """A chart of the largest groups by a text."""
    query = b"SELECT city, count(*) FROM res_partner WHERE customer_rank >= %s AND active GROUP BY 1 ORDER BY 2 DESC"
    page = _page(made, ("view", "chart"), ("group", "city"))
    return compare(
        "chart by city", page, lambda: made.raw.execute(query, [HIDDEN_BELOW]).fetchall(), bar=GROUPED_BAR, rounds=20
    )


OPERATIONS: Sequence[Callable[[Bed], Measured]] = (_flat, _by_country, _by_month, _chart)
