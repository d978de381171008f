"""Claims: all of the policy's, in its own words, each with code and tests that are there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib import resources

import pytest

from growsoft.errors import ConfigError
from growsoft.trust.claim import Claim, Missing, Verdict, numbered
from growsoft.trust.find import ClaimNotFound, all_claims, chosen, ordered
from growsoft.trust.page import page
from growsoft.trust.states import Attestation, Finding, State, judged, met, not_met, simulated
from tests.security.scanners import ROOT

HOW_MANY = {"BK": 6, "HA": 1, "DR": 4, "DB": 2, "PW": 5, "ST": 3, "SY": 3, "PH": 1, "CC": 2, "EN": 4, "ND": 2, "SW": 11,
            "VR": 1, "PL": 1}  # fmt: skip
EVERY_ID = [f"{chapter}-{number}" for chapter, count in HOW_MANY.items() for number in range(1, count + 1)]
CHECKED = {"BK-2", "HA-1", "DB-1", "DB-2", "PW-1", "PW-3", "EN-1", "EN-3", "SW-1", "SW-2", "SW-7"}

CLAIMS = {claim.id: claim for claim in all_claims()}


def test_every_promise_is_a_claim_in_the_order_of_the_policy() -> None:
    assert list(CLAIMS) == EVERY_ID


def test_those_with_a_check_are_those_that_can_be_checked() -> None:
    assert {claim.id for claim in CLAIMS.values() if claim.is_checked} >= CHECKED


@pytest.mark.parametrize("claim", CLAIMS)
def test_a_promise_is_the_policys_own_sentence(claim: str) -> None:
    policy = resources.files("growsoft.trust").joinpath("policy.txt").read_text("utf-8")
    assert CLAIMS[claim].promise in policy


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_enforces_a_claim_and_what_proves_it_is_there(claim: str) -> None:
    found = CLAIMS[claim]
    assert [name for name in found.enforced_by if not (ROOT / "src" / name).is_file()] == []
    assert [name for name in found.tests if not (ROOT / name).exists()] == []
    if found.is_checked:
        assert found.enforced_by
        assert found.tests


@pytest.mark.parametrize("claim", sorted(CHECKED))
def test_how_a_claim_is_checked_is_a_sentence(claim: str) -> None:
    assert CLAIMS[claim].how.endswith(".")
    assert claim not in CLAIMS[claim].how


def test_the_page_of_claims_is_up_to_date() -> None:
    written = (ROOT / "docs/reference/claims.md").read_text("utf-8")
    assert written == page(all_claims()), "run: python -m growsoft.trust.page > docs/reference/claims.md"


def test_claims_are_chosen_by_id_in_any_case() -> None:
    assert [claim.id for claim in chosen(all_claims(), ["sw-7", "DB-2"])] == ["DB-2", "SW-7"]
    assert chosen(all_claims(), []) == all_claims()


def test_an_unknown_claim_is_said() -> None:
    with pytest.raises(ClaimNotFound, match="There is no claim XX-1"):
        chosen(all_claims(), ["DB-1", "XX-1"])


def test_two_claims_of_one_id_are_refused() -> None:
    with pytest.raises(ConfigError, match="DB-1 comes from two"):
        ordered([CLAIMS["DB-1"], CLAIMS["DB-2"], CLAIMS["DB-1"]])


@pytest.mark.parametrize("name", ["DB", "DB-0", "XX-1", "DB-1 ", "db-1"])
def test_a_claim_of_no_chapter_cannot_be_built(name: str) -> None:
    with pytest.raises(ValueError, match="claim"):
        Claim(name, "A promise.", Missing("Nothing.", "Something."))


def test_numbers_are_numbers() -> None:
    assert numbered("SW-11") > numbered("SW-2")


# -- states ------------------------------------------------------------------------------------------------------------


def test_nothing_is_said_without_evidence() -> None:
    with pytest.raises(ValueError, match="evidence"):
        met(" ")


def test_what_is_not_met_says_what_to_do_and_nothing_else_does() -> None:
    with pytest.raises(ValueError, match="what to do"):
        Finding(State.NOT_MET, "It is missing.")
    with pytest.raises(ValueError, match="what to do"):
        Finding(State.MET, "It is there.", "Do something.")


def test_problems_win_and_only_the_first_are_in_words() -> None:
    found = judged(["a", "b", "c", "d", "e"], "Mend them.", met("All is well."))
    assert (found.state, found.evidence, found.todo) == (State.NOT_MET, "a; b; c; and 2 more.", "Mend them.")
    assert judged([], "Mend them.", simulated("All is played.")).state is State.SIMULATED


def test_only_not_met_does_not_pass() -> None:
    assert [state.value for state in State if not state.passes] == ["not met"]
    assert [state.value for state in State] == ["met", "simulated", "attested", "not met"]


def test_an_attestation_counts_to_its_last_day() -> None:
    guard = Attestation("OVH", "ISO 27001 certificate 42", date(2026, 6, 30))
    assert guard.finding(date(2026, 6, 30)).state is State.ATTESTED
    assert "ISO 27001 certificate 42" in guard.finding(date(2026, 6, 30)).evidence
    expired = guard.finding(date(2026, 7, 1))
    assert expired.state is State.NOT_MET
    assert expired.evidence.startswith("Expired: OVH")


def test_evidence_that_became_too_old_counts_no_more() -> None:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    verdict = Verdict(CLAIMS["DB-1"], met("It was so."), moment, 0.1)
    assert verdict.at(moment + timedelta(hours=24)) is verdict
    stale = verdict.at(moment + timedelta(hours=25))
    assert stale.state is State.NOT_MET
    assert stale.finding.evidence == "The evidence is 25 hours old, and counts for 24 hours."
    assert stale.finding.todo == "Check again: growsoft trust verify DB-1"


def test_what_was_not_met_stays_so_however_old() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    verdict = Verdict(CLAIMS["DB-1"], not_met("It was not so.", "Mend it."), moment, 0.1)
    assert verdict.at(moment + timedelta(days=900)) is verdict
