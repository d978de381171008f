"""Passwords: stretched with PBKDF2-HMAC-SHA512, checked by the database, chosen under a policy of length."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Self

from growsoft.errors import UserError, ValidationError
from growsoft.security.common_passwords import is_common
from growsoft.words import _

DEFAULT_ROUNDS = 600_000
FLOOR_ROUNDS = 220_000
# A row or an import that asks for more would be a way to stop the server.
CEILING_ROUNDS = 20_000_000
SALT_BYTES = 16
KEY_BYTES = 64
VERIFIER_BYTES = 32
LONGEST_PASSWORD = 1024

# Canonical composition shortens a text to a quarter at most; what is longer than this is not worth normalising.
_LONGEST_TYPED = 4 * LONGEST_PASSWORD


class PasswordUnusable(ValidationError):
    """This password cannot be used; type it again without control characters, 1,024 bytes at most."""


class Busy(UserError):
    """Many people are signing in at this moment; try again in a few seconds."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Salt and rounds of one stored password; rounds below the floor cannot be built."""

    salt: bytes = field(repr=False)
    rounds: int

    def __post_init__(self) -> None:
        """Refuse what would be too weak, or too expensive to compute."""
        if not SALT_BYTES <= len(self.salt) <= KEY_BYTES:
            raise ValueError(f"A salt has {SALT_BYTES} to {KEY_BYTES} bytes, not {len(self.salt)}.")
        if not FLOOR_ROUNDS <= self.rounds <= CEILING_ROUNDS:
            raise ValueError(f"Rounds are {FLOOR_ROUNDS:,} to {CEILING_ROUNDS:,}, not {self.rounds:,}.")


def new_parameters(rounds: int = DEFAULT_ROUNDS) -> Parameters:
    """Return a fresh random salt with the rounds of today."""
    return Parameters(secrets.token_bytes(SALT_BYTES), rounds)


def derive(password: str, parameters: Parameters, pepper: bytes = b"") -> bytes:
    """Return the derived key, 64 bytes: PBKDF2-HMAC-SHA512 of the password in normal form C and UTF-8 (RFC 8018).

    A pepper, kept outside the database, is worked in last by HMAC-SHA512. Raises `PasswordUnusable` for a NUL, for more
    than 1 KiB, and for text that is not Unicode.
    """
    return _derived(octets(password), parameters, pepper)


def verifier(derived: bytes) -> bytes:
    """Return the SHA-256 of a derived key: what the database stores, so that a stolen table signs nobody in."""
    if len(derived) != KEY_BYTES:
        raise ValueError(f"A derived key has {KEY_BYTES} bytes, not {len(derived)}.")
    return hashlib.sha256(derived).digest()


def must_upgrade(parameters: Parameters, rounds: int = DEFAULT_ROUNDS) -> bool:
    """Say whether a password should be stored anew at its next sign-in; rounds only ever rise."""
    return parameters.rounds < rounds


def normalised(password: str) -> str:
    """Return a password in normal form C: the same keys give the same text on every keyboard and system."""
    if len(password) > _LONGEST_TYPED or "\0" in password:
        raise PasswordUnusable
    return unicodedata.normalize("NFC", password)


def octets(password: str) -> bytes:
    """Return the octets that are hashed, or refuse the password."""
    try:
        encoded = normalised(password).encode()
    except UnicodeEncodeError:
        raise PasswordUnusable from None
    if len(encoded) > LONGEST_PASSWORD:
        raise PasswordUnusable
    return encoded


def _derived(encoded: bytes, parameters: Parameters, pepper: bytes) -> bytes:
    """Stretch, then add the pepper where there is one."""
    key = stretched(encoded, parameters.salt, parameters.rounds)
    return hmac.digest(pepper, key, "sha512") if pepper else key


def stretched(encoded: bytes, salt: bytes, rounds: int) -> bytes:
    """Return PBKDF2-HMAC-SHA512; hashlib releases the interpreter lock meanwhile."""
    return hashlib.pbkdf2_hmac("sha512", encoded, salt, rounds, KEY_BYTES)


# -- export and import: the PHC string ---------------------------------------------------------------------------------

_OURS = "pbkdf2-sha512-sha256"
_LONGEST_PHC = 256
_PHC = re.compile(
    r"\$(?P<id>pbkdf2-sha512(?:-sha256)?)\$(?:i=)?(?P<rounds>[1-9][0-9]{0,8})"
    r"\$(?P<salt>[A-Za-z0-9+/.]+)\$(?P<hash>[A-Za-z0-9+/.]+)"
)


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of a password: its parameters and its verifier."""

    parameters: Parameters
    verifier: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a verifier that is none."""
        if len(self.verifier) != VERIFIER_BYTES:
            raise ValueError(f"A verifier has {VERIFIER_BYTES} bytes, not {len(self.verifier)}.")


def encode(stored: Stored) -> str:
    """Return the PHC string `$pbkdf2-sha512-sha256$i=ROUNDS$SALT$VERIFIER` of a stored password."""
    parameters = stored.parameters
    return f"${_OURS}$i={parameters.rounds}${_base64(parameters.salt)}${_base64(stored.verifier)}"


def decode(text: str) -> Stored:
    """Read a PHC string: ours, or the common `$pbkdf2-sha512$` of 64 bytes (also as passlib writes it), without pepper.

    Raises `ValidationError` for anything else, for rounds below the floor and for values that are too long.
    """
    match = _PHC.fullmatch(text) if len(text) <= _LONGEST_PHC else None
    if match is None:
        raise ValidationError("This is no PBKDF2-SHA512 hash in PHC form; leave it out and send the user a link.")
    salt, stored_hash = _from_base64(match["salt"]), _from_base64(match["hash"])
    try:
        parameters = Parameters(salt, int(match["rounds"]))
        return Stored(parameters, stored_hash if match["id"] == _OURS else verifier(stored_hash))
    except ValueError as error:
        raise ValidationError(f"This hash cannot be taken over ({error}) Send the user a link instead.") from None


def _base64(value: bytes) -> str:
    """Return base 64 without padding, as the PHC format has it."""
    return base64.b64encode(value).decode("ascii").rstrip("=")


def _from_base64(text: str) -> bytes:
    """Read base 64 without padding; passlib writes a dot for the plus."""
    padded = text.replace(".", "+") + "=" * (-len(text) % 4)
    try:
        return base64.b64decode(padded, validate=True)
    except binascii.Error:
        raise ValidationError("This hash was damaged on its way; copy it again.") from None


# -- the policy --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What a new password must be: long enough and not easily guessed; any character is welcome, none is demanded.

    ASVS 5.0, 6.2.1 to 6.2.11: the administrator sets the minimum (8 to 64, default 12); 64 characters always fit.
    """

    minimum_length: int = 12

    def __post_init__(self) -> None:
        """Refuse a minimum below the floor, or one that would refuse a good long password."""
        if not 8 <= self.minimum_length <= 64:
            raise ValidationError("The minimum length of passwords is 8 to 64 characters.")

    def check(self, password: str, *, login: str, name: str, company: str) -> None:
        """Accept a new password, or raise `ValidationError` with a sentence that says what to do."""
        octets(password)
        text = normalised(password)
        if len(text) < self.minimum_length:
            raise ValidationError(
                _(
                    "Choose a password of at least {count} characters; a few words are easy to keep.",
                    count=self.minimum_length,
                )
            )
        if is_common(text):
            raise ValidationError(
                _("Many people use this password and attackers try it first; choose words of your own.")
            )
        if _is_pattern(text, self.minimum_length):
            raise ValidationError(
                _("This password only repeats or counts; choose a few words that do not belong together.")
            )
        if self._is_identity(text, (login, name, company)):
            raise ValidationError(_("Choose a password without your sign-in name, your name or your company's name."))

    def _is_identity(self, password: str, names: tuple[str, ...]) -> bool:
        """Say whether little is left of a password without the names that everybody knows."""
        given = rest = _letters(password)
        for word in sorted(_words(names), key=len, reverse=True):
            rest = rest.replace(word, "").replace(word[::-1], "")
        return rest != given and len(rest) < self.minimum_length / 2


def _is_pattern(password: str, minimum_length: int) -> bool:
    """Say whether a password repeats one short part (`qweqweqwe`) or goes up or down in equal steps (`abcdef`)."""
    period = (password + password).find(password, 1)
    steps = {ord(after) - ord(before) for before, after in pairwise(password)}
    return len(steps) == 1 or (period < len(password) and period < minimum_length)


def _words(names: tuple[str, ...]) -> Iterator[str]:
    """Yield names as a whole and in their parts, from three letters on."""
    for name in names:
        for part in (name, *re.split(r"[\W_]+", name)):
            word = _letters(part)
            if len(word) >= 3:
                yield word


def _letters(text: str) -> str:
    """Return letters and digits alone, in lower case."""
    return "".join(c for c in unicodedata.normalize("NFC", text).casefold() if c.isalnum())


# -- the pool ----------------------------------------------------------------------------------------------------------


class Hasher:
    """A bounded pool that derives keys: so many at a time, so many waiting, and the rest is told to come back.

    It stands behind the throttle: an attacker can neither use up all processors nor fill the memory with waiting work.
    """

    def __init__(self, workers: int, waiting: int | None = None) -> None:
        """Take the number of threads and of places to wait (four for each thread unless told)."""
        if workers < 1 or (waiting is not None and waiting < 0):
            raise ValueError("A hasher has at least one worker and no negative queue.")
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="hasher")
        self._places = threading.BoundedSemaphore(workers + (4 * workers if waiting is None else waiting))

    def derive(self, password: str, parameters: Parameters, pepper: bytes = b"") -> bytes:
        """Return what `derive` returns, computed in the pool; raise `Busy` at once when all places are taken."""
        return self.submit(password, parameters, pepper).result()

    def submit(self, password: str, parameters: Parameters, pepper: bytes = b"") -> Future[bytes]:
        """Take a place and return the future key; refuses like `derive`."""
        encoded = octets(password)
        if not self._places.acquire(blocking=False):
            raise Busy
        try:
            future = self._pool.submit(_derived, encoded, parameters, pepper)
        except BaseException:
            self._places.release()
            raise
        future.add_done_callback(self._free)
        return future

    def close(self) -> None:
        """Finish what was taken and stop the threads."""
        self._pool.shutdown()

    def _free(self, _: Future[bytes]) -> None:
        """Give a place back."""
        self._places.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
