"""What is asked of every side: the same questions, in the same order, and the same new rows."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import count, cycle

HIDDEN_BELOW = 18
COLUMNS = ("name", "ref", "company_name", "email", "phone", "street", "city", "zip", "country_id", "customer_rank")


def some_ids(visible: Sequence[int]) -> Iterator[int]:
    """Give single records to read, by chance."""
    return iter(random.Random(2).choices(visible, k=1_000_000))


def cities() -> Iterator[str]:
    """Give cities to search for, in turn."""
    return cycle(f"City {number}" for number in range(500))


def pages() -> Iterator[int]:
    """Give offsets of pages of 80: the first ten, further few people go."""
    return cycle(range(0, 800, 80))


def new_batches(size: int = 1000, first: int = 2_000_000) -> Iterator[list[dict[str, object]]]:
    """Give new partners, ``size`` at a time, with ``country_id`` 0 for whichever country the side knows."""
    return ([new_partner(number) for number in range(start, start + size)] for start in count(first, size))


def new_partner(number: int) -> dict[str, object]:
    """Make one partner that its maker may see."""
    return {
        "name": f"Partner {number:06d}",
        "ref": f"P{number}",
        "company_name": f"Company {number % 1000}",
        "email": f"p{number}@example.org",
        "phone": f"+32 2 {number:07d}",
        "street": f"{number % 300} Main Street",
        "city": f"City {number % 500}",
        "zip": f"{number % 9999:04d}",
        "country_id": 0,
        "customer_rank": 50,
    }
