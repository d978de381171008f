"""The policy of new passwords: long enough, not common, not a pattern, not one's own name."""

from __future__ import annotations

import string
from functools import partial

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from growsoft.errors import ValidationError
from growsoft.security import common_passwords
from growsoft.security.passwords import PasswordPolicy

check = partial(
    PasswordPolicy().check, login="ada.lovelace@example.com", name="Ada Lovelace", company="Northwind Traders"
)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "bleifüße im märz",
        "東京の朝は静かで美しい街並みだった",
        "x7#Kp2!mQ9zR",
        "only lower case letters",
        "ada walks along the northern sea",
        "w" + "ordy and long " * 4 + "64 characters are fine",
    ],
)
def test_a_good_password_needs_no_character_classes(password: str) -> None:
    check(password)


@pytest.mark.parametrize(
    ("password", "advice"),
    [
        ("short one", "at least 12 characters"),
        ("", "at least 12 characters"),
        ("q1w2e3r4t5y6", "words of your own"),
        ("Q1W2E3R4T5Y6", "words of your own"),
        ("unbelievable", "words of your own"),
        ("========================", "do not belong together"),
        ("xyzxyzxyzxyz", "do not belong together"),
        ("cats! cats! cats! ", "do not belong together"),
        ("bcdefghijklmnopq", "do not belong together"),
        ("zyxwvutsrqponm", "do not belong together"),
        ("ada.lovelace@example.com", "without your sign-in name"),
        ("AdaLovelace1815", "without your sign-in name"),
        ("ecalevol-ada-1", "without your sign-in name"),
        ("Northwind Traders", "without your sign-in name"),
        ("northwind-2026!", "without your sign-in name"),
        ("nul inside\0 it", "cannot be used"),
        ("long " * 300, "cannot be used"),
    ],
)
def test_a_refusal_says_what_to_do(password: str, advice: str) -> None:
    with pytest.raises(ValidationError, match=advice):
        check(password)


def test_the_administrator_sets_the_minimum_within_bounds() -> None:
    PasswordPolicy(minimum_length=8).check("kJ8-vw2q", login="ada", name="Ada", company="")
    with pytest.raises(ValidationError, match="at least 20"):
        PasswordPolicy(minimum_length=20).check("nineteen characters", login="ada", name="Ada", company="")
    for length in (0, 7, 65):
        with pytest.raises(ValidationError, match="8 to 64"):
            PasswordPolicy(minimum_length=length)


def test_length_is_counted_in_characters_as_they_are_stored() -> None:
    with pytest.raises(ValidationError, match="at least 12"):
        check("e\u0301" * 6 + "abcde")


def test_the_list_is_long_where_the_default_policy_looks() -> None:
    """ASVS 5.0, 6.2.4: at least 3,000 passwords that the policy would accept otherwise."""
    listed = common_passwords.listed().decode().split()
    assert len(listed) == common_passwords.size() == 42_731
    assert listed == sorted(set(listed))
    assert sum(len(word) >= 12 for word in listed) >= 3_000
    assert min(map(len, listed)) == 8


def test_only_whole_entries_are_common() -> None:
    assert common_passwords.is_common("Football")
    assert not common_passwords.is_common("footbal")
    assert not common_passwords.is_common("")
    assert not common_passwords.is_common("football\nbaseball")


@given(st.text(alphabet=string.ascii_letters + string.digits, min_size=3, max_size=20), st.integers(0, 999))
def test_a_name_with_a_number_behind_it_is_never_a_password(name: str, number: int) -> None:
    password = f"{name}{number}"
    assume(len(password) >= 8)
    with pytest.raises(ValidationError):
        PasswordPolicy(minimum_length=8).check(password, login="someone", name=name, company="")


@given(st.text(alphabet=string.ascii_letters + string.punctuation, min_size=30, max_size=64))
def test_long_random_text_is_accepted(password: str) -> None:
    assume(len(set(password)) > 10)
    check(password)
