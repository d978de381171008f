"""A conversation with one caller: requests in, progress and answers out, until either side ends it."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import UnionType
from typing import Final

import msgspec

from growsoft.errors import GrowsoftError
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import Caller, VerbLog
from growsoft.keeper.verbs import Answer, Failed, Message, Progress, Request, Stopping, Verb, WorkerVerb, verb_name
from growsoft.keeper.wire import Frame, Wire
from growsoft.postgres.keeper import RequestMalformed, VerbRefused, is_retriable

# Answers to what could not be read carry this number: nobody knows which request it was.
NO_REQUEST: Final = -1


@dataclass(frozen=True, slots=True)
class Rules:
    """What a caller may: the longest request in bytes, which verbs, and for how many seconds to say nothing.

    `patience` is for how many seconds a verb of his waits for another one of the same database. `lasting` connections
    cannot be opened anew: after a broken message they go on with the next one.
    """

    longest: int
    idle_seconds: float | None
    patience: float
    lasting: bool
    verbs: type[msgspec.Struct] | UnionType


# A restore names every role and every table of a database.
COMMANDS: Final = Rules(longest=1 << 20, idle_seconds=60.0, patience=30.0, lasting=False, verbs=Verb)
WORKERS: Final = Rules(longest=4096, idle_seconds=None, patience=1.5, lasting=True, verbs=WorkerVerb)


class Conversation:
    """One caller on one connection. A verb that began is finished, whether or not the caller is still there."""

    def __init__(self, sock: socket.socket, caller: Caller, rules: Rules, keeper: Keeper, log: VerbLog) -> None:
        """Take the connection of a caller who was let in."""
        self._wire = Wire(sock, rules.longest)
        self._caller = caller
        self._rules = rules
        self._keeper = keeper
        self._log = log
        self._gone = False

    def run(self, stopped: int, stop: Callable[[], None]) -> None:
        """Answer requests until the caller leaves, says nothing for too long, or `stopped` becomes readable."""
        while not self._gone and self._wire.wait(stopped, self._rules.idle_seconds):
            try:
                frame = self._wire.receive()
            except (RequestMalformed, OSError) as error:
                if not self._mended(error):
                    return
                continue
            if frame is None:
                return
            if isinstance(self._answered(frame), Stopping):
                stop()

    def _answered(self, frame: Frame) -> Message:
        """Answer one request, and close the descriptor that came with it."""
        number = NO_REQUEST
        try:
            request = decode_request(frame.body)
            number = request.number
            message = self._performed(request, frame.fd)
        except GrowsoftError as error:
            if number == NO_REQUEST:
                self._log.event("refused", self._caller, str(error))
            message = _failed(error)
        finally:
            if frame.fd is not None:
                os.close(frame.fd)
        self._send(number, message)
        return message

    def _performed(self, request: Request, fd: int | None) -> Message:
        if not isinstance(request.verb, self._rules.verbs):
            self._log.event("refused", self._caller, f"{verb_name(request.verb)} is not for workers")
            raise VerbRefused
        began = time.monotonic()

        def report(step: str) -> None:
            self._send(request.number, Progress(step, time.monotonic() - began))

        return self._keeper.perform(request.verb, self._caller, fd=fd, report=report, patience=self._rules.patience)

    def _send(self, number: int, message: Message) -> None:
        if self._gone:
            return
        try:
            self._wire.send(_ENCODER.encode(Answer(number, message)))
        except OSError:
            self._gone = True

    def _mended(self, error: RequestMalformed | OSError) -> bool:
        """Say why a message was not understood; after it nobody knows where the next one begins."""
        self._log.event("refused", self._caller, str(error))
        if isinstance(error, OSError):
            return False
        if self._rules.lasting:
            self._wire.drain()
        self._send(NO_REQUEST, _failed(error))
        return self._rules.lasting


def refusal(error: GrowsoftError) -> bytes:
    """Write the answer to a caller who is turned away before he said anything."""
    return _ENCODER.encode(Answer(NO_REQUEST, _failed(error)))


def decode_request(body: bytes) -> Request:
    """Read a request, names and all; raises `RequestMalformed` for everything that is none."""
    try:
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise RequestMalformed(f"{RequestMalformed.default_message()} {str(error)[:200]}") from error


def _failed(error: GrowsoftError) -> Failed:
    return Failed(type(error).__name__, str(error), is_retriable(error))


_DECODER: Final = msgspec.msgpack.Decoder(Request)
_ENCODER: Final = msgspec.msgpack.Encoder()
