"""Paths: the addresses by which screens lead to each other."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

ROOT: Final = "/app"
ACCESS: Final = "/app/access"
MATRIX: Final = "/app/access/all"


def list_path(model: str) -> str:
    """Return the address of a model's list."""
    return f"{ROOT}/{model}"


def record_path(model: str, record: int) -> str:
    """Return the address of a record."""
    return f"{ROOT}/{model}/{record}"


def options_path(model: str) -> str:
    """Return the address that offers records of a model by a part of their name."""
    return f"{ROOT}/{model}/options"


def files_path(model: str, record: int) -> str:
    """Return the address of a record's files."""
    return f"{record_path(model, record)}/files"


def file_path(model: str, record: int, file: int) -> str:
    """Return the address at which a file of a record is looked at."""
    return f"{files_path(model, record)}/{file}"


def access_path(model: str, record: int, login: str = "") -> str:
    """Return the address that asks who may do what with a record, or what somebody may do."""
    given = {"login": login} if login else {"model": model, "record": str(record)}
    return f"{ACCESS}?{urlencode(given)}"
