"""The log: JSON lines that say what happened to whom, and never a value, an address or a token."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import msgspec
import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, FilteringBoundLogger

Fields = dict[str, str | int | float | bool | None]


def configure(stream: TextIO) -> None:
    """Let every logger of this process write JSON lines to a stream."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_json),
        ],
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = JsonHandler(stream)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def logger() -> FilteringBoundLogger:
    """Return the logger of the web."""
    found: FilteringBoundLogger = structlog.get_logger("web")
    return found


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes what libraries log through Python's logging in our form; their arguments can hold values and stay out."""

    def format(self, record: logging.LogRecord) -> str:
        """Word one record."""
        line: Fields = {"event": "library", "logger": record.name, "level": record.levelname.lower()}
        line["message"] = str(record.msg)
        if record.exc_info is not None and record.exc_info[1] is not None:
            line["error"] = described(record.exc_info[1])
        return _json(line)


def described(error: BaseException) -> str:
    """Say what an error is and where it arose, by names and lines alone: its text could quote a customer's data."""
    return " < ".join(f"{type(cause).__name__} at {_place(cause)}" for cause in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Return an error and what caused it."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _place(error: BaseException) -> str:
    """Return the last lines of code that an error passed."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    return " > ".join(f"{Path(frame.filename).stem}:{frame.lineno}:{frame.name}" for frame in frames) or "nowhere"


def _json(line: EventDict | Fields, **_options: object) -> str:
    """Write a line; what is no plain value is named by its type and not shown."""
    return msgspec.json.encode(line, enc_hook=lambda value: f"<{type(value).__name__}>").decode()


def to_stderr() -> None:
    """Log to standard error, where the supervisor collects it."""
    configure(sys.stderr)
