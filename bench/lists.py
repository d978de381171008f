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
    templates = Templates(["growsoft.views"], {})
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


def _grouped(name: str, *pairs: tuple[str, str], key: bytes) -> Callable[[Bed], Measured]:
    def measured(made: Bed) -> Measured:
        query = b"SELECT " + key + b" k, count(*) FROM res_partner WHERE customer_rank >= %s AND active GROUP BY 1"
        return compare(
            name,
            _page(made, *pairs),
            lambda: made.raw.execute(query, [HIDDEN_BELOW]).fetchall(),
            bar=GROUPED_BAR,
            rounds=20,
        )

    return measured


OPERATIONS: Sequence[Callable[[Bed], Measured]] = (
    _flat,
    _grouped("list by country", ("group", "country_id"), key=b"country_id"),
    _grouped("list by month", ("group", "create_date:month"), key=b"date_trunc('month', create_date, 'UTC')"),
    _grouped("chart by city", ("view", "chart"), ("group", "city"), key=b"city"),
)
