"""Stored passwords (PW-1): PBKDF2 with SHA-512, salted and stretched, in every database, and nothing weaker."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from growsoft.orm import Env, open_env
from growsoft.postgres.sql import sql
from growsoft.security.passwords import (
    FLOOR_ROUNDS,
    SALT_BYTES,
    Parameters,
    derive,
    new_parameters,
    octets,
    stretched,
    verifier,
)
from growsoft.trust.states import Finding, judged, met
from growsoft.trust.world import CannotCheck, Subject, World, each

# PBKDF2-HMAC-SHA512: the inputs of RFC 6070 with the outputs that implementations agree on for SHA-512.
KNOWN_ANSWERS: Final = {
    1: (
        "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
        "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce"
    ),
    4096: (
        "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
        "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5"
    ),
}


@dataclass(frozen=True, slots=True)
class CredentialFacts:
    """Numbers over all stored passwords of a database; ``fewest_rounds`` and ``shortest_salt`` are 0 without any."""

    stored: int
    fewest_rounds: int
    salts: int
    shortest_salt: int
    malformed: int
    minimum_rounds: int


@dataclass(slots=True)
class _Seen:
    stored: int = 0
    fewest_rounds: int = 0

    def add(self, facts: CredentialFacts) -> None:
        if facts.stored:
            self.stored += facts.stored
            self.fewest_rounds = min(self.fewest_rounds or facts.fewest_rounds, facts.fewest_rounds)


def stretched_and_salted(world: World) -> Finding:
    """PW-1: known answers, the numbers of every database, and a password stored, accepted and undone in each."""
    seen = _Seen()
    probe = new_probe()

    def look(subject: Subject) -> Iterator[str]:
        database = subject.database
        door = database.elevated("claim PW-1 is checked", caller=__name__)
        with suppress(_Undone), open_env(database, subject.registry, door, mode="counting") as env:
            facts = read_facts(env)
            seen.add(facts)
            yield from (f"{subject.told} has {problem}" for problem in weaknesses(facts))
            yield from (f"{subject.told} {problem}" for problem in sign_in_twice(env, probe))
            raise _Undone

    problems = wrong_answers() + each(world, world.subjects, look)
    found = (
        f"Passwords stored in {len(world.subjects)} databases: {seen.stored}, each with a salt of its own and"
        f" {seen.fewest_rounds:,} rounds or more"
        if seen.stored
        else f"No password is stored yet in {len(world.subjects)} databases"
    )
    return judged(
        problems,
        "Have the people concerned choose new passwords (growsoft user reset-link); restore the checks of"
        " gs_priv.credential.",
        met(
            f"{found}. PBKDF2-HMAC-SHA512 gave the known answers; in every database a new one of"
            f" {probe.parameters.rounds:,} rounds was stored, accepted, refused when wrong, and undone."
        ),
    )


def wrong_answers() -> list[str]:
    """Compare the product's own stretching with the published answers."""
    wrong = [
        f"PBKDF2-HMAC-SHA512 gave another answer than the published one for {rounds} rounds"
        for rounds, answer in KNOWN_ANSWERS.items()
        if stretched(b"password", b"salt", rounds).hex() != answer
    ]
    floor = Parameters(b"NaClNaClNaClNaCl", FLOOR_ROUNDS)
    if derive("password", floor) != stretched(octets("password"), floor.salt, floor.rounds):
        wrong.append("a password is not derived as PBKDF2-HMAC-SHA512 says")
    return wrong


def weaknesses(facts: CredentialFacts) -> list[str]:
    """Say what is weak in a database's stored passwords."""
    problems: list[str] = []
    if facts.minimum_rounds < FLOOR_ROUNDS:
        problems.append(f"a minimum of {facts.minimum_rounds:,} rounds")
    if not facts.stored:
        return problems
    if facts.fewest_rounds < FLOOR_ROUNDS:
        problems.append(f"a password of {facts.fewest_rounds:,} rounds, {FLOOR_ROUNDS:,} are the least")
    if facts.salts < facts.stored:
        problems.append("two passwords with one salt")
    if facts.shortest_salt < SALT_BYTES:
        problems.append(f"a salt of {facts.shortest_salt} bytes")
    if facts.malformed:
        problems.append("a verifier that is none")
    return problems


def read_facts(env: Env) -> CredentialFacts:
    """Ask a database for its numbers; nobody but the definer reads a row of them."""
    row = env.execute(
        sql(
            "SELECT stored, coalesce(fewest_rounds, 0), salts, coalesce(shortest_salt, 0), malformed, minimum_rounds"
            " FROM gs.credential_facts()"
        )
    ).one()
    return CredentialFacts(*map(int, row))


@dataclass(frozen=True, slots=True)
class Probe:
    """A password made up for the check, stretched once beforehand: no row is locked while that takes its time."""

    parameters: Parameters
    derived: bytes
    wrong: bytes


def new_probe() -> Probe:
    """Stretch a random password as the product does."""
    parameters = new_parameters()
    derived = derive(secrets.token_urlsafe(24), parameters)
    return Probe(parameters, derived, bytes(byte ^ 1 for byte in derived))


def sign_in_twice(env: Env, probe: Probe) -> Iterator[str]:
    """Store the probe for a passing user; the right key must open a session, and the wrong one must not."""
    login = f"trust-{secrets.token_hex(8)}"
    user = env["res.users"].create({"name": "Trust", "login": login})
    env.flush()
    env.execute(
        sql(
            "SELECT gs.set_credential({user}::bigint, {salt}::bytea, {rounds}::int, {verifier}::bytea, ''::bytea,"
            " ''::bytea, false)",
            user=user.id, salt=probe.parameters.salt, rounds=probe.parameters.rounds,
            verifier=verifier(probe.derived),
        )
    )  # fmt: skip
    if _signs_in(env, login, probe.wrong):
        yield "opened a session for a wrong password"
    if not _signs_in(env, login, probe.derived):
        yield "does not compare the SHA-256 of PBKDF2-HMAC-SHA512"


def _signs_in(env: Env, login: str, derived: bytes) -> bool:
    # A device of its own and an address that nobody has (RFC 5737): real throttles are not what is counted here.
    device, network = secrets.token_bytes(32), "192.0.2.1"
    wait = env.execute(
        sql(
            "SELECT retry_after FROM gs.credential_parameters({login}::text, {device}::bytea, {network}::inet)",
            login=login, device=device, network=network,
        )
    ).scalar(float)  # fmt: skip
    if wait > 0:
        raise CannotCheck("A database is throttling all sign-ins right now.", f"Check again in {wait:.0f} seconds.")
    user = env.execute(
        sql(
            "SELECT gs.sign_in({login}::text, {derived}::bytea, {device}::bytea, {network}::inet, {session}::bytea,"
            " 'browser', 'growsoft trust verify')",
            login=login, derived=derived, device=device, network=network, session=secrets.token_bytes(32),
        )
    ).scalar()  # fmt: skip
    return bool(user)


class _Undone(Exception):
    """Ends a transaction without keeping anything of it."""
