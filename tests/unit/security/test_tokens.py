"""Tokens: long enough, stored hashed, compared in steady time."""

from __future__ import annotations

import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.security.tokens import equal, new_opaque_name, new_token, one_time_code, token_hash


def test_a_token_holds_256_bits_and_is_safe_in_an_address() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@given(st.text(alphabet=st.characters(exclude_categories=[])))
def test_every_text_has_a_hash_so_that_garbage_is_a_wrong_token(text: str) -> None:
    assert token_hash(text) == hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


@given(st.text(), st.text())
def test_equal_is_equality(left: str, right: str) -> None:
    assert equal(left, right) == (left == right)
    assert equal(left.encode("utf-8", "surrogatepass"), left)


def test_a_code_has_digits_only() -> None:
    assert re.fullmatch(r"[0-9]{8}", one_time_code())
    assert len({one_time_code(12) for _ in range(100)}) == 100
    for digits in (0, 5, 13):
        with pytest.raises(ValueError, match="6 to 12"):
            one_time_code(digits)


def test_an_opaque_name_is_a_plain_identifier_of_postgresql() -> None:
    names = {new_opaque_name("db") for _ in range(1000)}
    assert len(names) == 1000
    assert all(re.fullmatch(r"db[a-z0-9]{20}", name) for name in names)
    assert len(new_opaque_name("a" * 16)) < 63


@pytest.mark.parametrize("prefix", ["", "1db", "Db", "d_b", 'd"b', "d" * 17, "db\n"])
def test_a_prefix_cannot_break_the_identifier(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        new_opaque_name(prefix)
