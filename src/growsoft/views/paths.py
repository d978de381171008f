"""Paths: the addresses by which screens lead to each other."""

from __future__ import annotations

from typing import Final

ROOT: Final = "/app"


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
