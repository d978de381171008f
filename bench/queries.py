"""Groups, names and text searches beside hand-written SQL: a ruled user who sees most rows, and one who sees few."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from itertools import cycle

from bench.app.models import HIDDEN_BELOW
from bench.data_layer import COLUMNS, Bed, Raw
from bench.measure import Measured, compare
from growsoft.orm import Env

# What the words are that many and that few names have (data_layer._partner).
COMMON, RARE = "holding", "quixote"


def groups(made: Bed) -> Measured:
    """Group all that are seen."""
    partner = made.env["res.partner"]
    query = (
        b"SELECT g.country_id, c.name ->> 'en_US', g.n, g.s FROM (SELECT country_id, count(*) n, sum(customer_rank) s"
        b" FROM res_partner WHERE customer_rank >= %s GROUP BY country_id) g"
        b" LEFT JOIN res_country c ON c.id = country_id ORDER BY lower(c.name ->> 'en_US'), 1"
    )
    return compare(
        "read_group by country",
        lambda: partner.read_group([], ["country_id"], ["customer_rank:sum"]),
        lambda: made.raw.execute(query, [HIDDEN_BELOW]).fetchall(),
        bar=1.1,
        rounds=20,
        beside=made.beside,
    )


def _months(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    query = (
        b"SELECT date_trunc('month', create_date, 'UTC'), city, count(*), avg(customer_rank) FROM res_partner"
        b" WHERE customer_rank >= %s GROUP BY 1, 2 ORDER BY 1, lower(city), city"
    )
    return compare(
        "read_group month, city",
        lambda: partner.read_group([], ["create_date:month", "city"], ["customer_rank:avg"]),
        lambda: made.raw.execute(query, [HIDDEN_BELOW]).fetchall(),
        bar=1.1,
        rounds=20,
    )


def json_page(made: Bed) -> Measured:
    """Read a page as the API gives it."""
    partner = made.env["res.partner"]
    query = (
        b"SELECT p.id, p.name, p.ref, p.company_name, p.email, p.phone, p.street, p.city, p.zip, p.country_id,"
        b" p.customer_rank, c.name ->> 'en_US' FROM res_partner p LEFT JOIN res_country c ON c.id = p.country_id"
        b" WHERE p.customer_rank >= %s ORDER BY lower(p.name), p.name, p.id LIMIT 80 OFFSET %s"
    )
    offsets = cycle(range(0, 800, 80))
    return compare(
        "search_read_json 80 x 10",
        lambda: partner.search_read_json([], COLUMNS, limit=80, offset=next(offsets), order="name, id"),
        lambda: made.raw.execute(query, [HIDDEN_BELOW, next(offsets)]).fetchall(),
        bar=1.2,
        rounds=200,
        beside=made.beside,
    )


def _names_found(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    words = cycle(("holding", "partner 0001", "partner 000123", "quixote", "nothing like it"))
    query = (
        b"SELECT id, name FROM res_partner WHERE name OPERATOR(gs.~~*?) %s::gs.pattern AND customer_rank >= %s"
        b" LIMIT 100"
    )
    return compare(
        "name_search",
        lambda: partner.name_search(next(words)),
        lambda: made.raw.execute(query, [f"%{next(words)}%", HIDDEN_BELOW]).fetchall(),
        bar=4,  # three looks, the best names first, against one in no order
        rounds=100,
    )


def _text_counted(made: Bed) -> Measured:
    partner = made.env["res.partner"]
    query = b"SELECT count(*) FROM res_partner WHERE name OPERATOR(gs.~~*?) %s::gs.pattern AND customer_rank >= %s"
    return compare(
        "count of a common word",
        lambda: partner.search_count([["name", "ilike", COMMON]]),
        lambda: made.raw.execute(query, [f"%{COMMON}%", HIDDEN_BELOW]).fetchone(),
        bar=1.1,
        rounds=20,
    )


def _text_wide(word: str) -> Callable[[Bed], Measured]:
    query = (
        b"SELECT id FROM res_partner WHERE name OPERATOR(gs.~~*?) %s::gs.pattern AND customer_rank >= %s"
        b" ORDER BY lower(name), name, id LIMIT 80"
    )

    def operation(made: Bed) -> Measured:
        partner = made.env["res.partner"]
        return compare(
            f"wide user finds {word}",
            lambda: partner.search([["name", "ilike", word]], limit=80, order="name, id"),
            lambda: made.raw.execute(query, [f"%{word}%", HIDDEN_BELOW]).fetchall(),
            bar=6,  # a thousand hits are looked at in any case: some milliseconds, which save others seconds
            rounds=40,
        )

    return operation


def _text_narrow(word: str) -> Callable[[Bed], Measured]:
    def operation(made: Bed) -> Measured:
        with _narrow(made) as (env, raw):
            partner, user = env["res.partner"], env.user_id
            query = (
                b"SELECT id FROM res_partner WHERE name OPERATOR(gs.~~*?) %s::gs.pattern AND user_id = %s"
                b" ORDER BY lower(name), name, id LIMIT 80"
            )
            return compare(
                f"narrow user finds {word}",
                lambda: partner.search([["name", "ilike", word]], limit=80, order="name, id"),
                lambda: raw.execute(query, [f"%{word}%", user]).fetchall(),
                # PostgreSQL knows how many rows this very user has, which no rule can tell it; without a fence the
                # product took 1,900 to 3,200 ms on a million partners, with it 3.
                bar=5,
                rounds=20,
            )

    return operation


@contextmanager
def _narrow(made: Bed) -> Generator[tuple[Env, Raw]]:
    with made.narrow() as env:
        yield env, made.raw


OPERATIONS: Sequence[Callable[[Bed], Measured]] = (
    groups, _months, json_page, _names_found, _text_counted, _text_wide(COMMON), _text_wide(RARE), _text_narrow(COMMON),
    _text_narrow(RARE),
)  # fmt: skip
