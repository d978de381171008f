"""Fixtures: the showcase behind the application, and software that visits it with a key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from growsoft.auth.keys import create_key
from tests.integration.web.conftest import authenticator, keeper, showcase
from tests.support.served import Answer, Browser, Showcase

__all__ = ["authenticator", "keeper", "showcase"]


@dataclass
class Said:
    """What came back."""

    answer: Answer

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever came
        return json.loads(self.answer.response.body)

    @property
    def kind(self) -> str:
        """By what a problem is known."""
        assert self.answer.response.content_type == "application/problem+json"
        return str(self.json["type"]).rpartition(":")[2]

    def streamed(self) -> bytes:
        """All parts of an answer in parts."""
        parts = self.answer.response.stream
        assert parts is not None
        return b"".join(iter(parts.take, b""))


@dataclass
class Software:
    """Somebody's script, with his key and no cookies."""

    browser: Browser
    key: str

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Said:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Said(self.browser.ask(method, f"/api/1/{path}", content, {**given, **named}))

    def get(self, path: str, **query: object) -> Said:
        return self.ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def ok(self, method: str, path: str, body: object = None, **headers: str) -> Any:  # noqa: ANN401 - whatever came
        said = self.ask(method, path, body, **headers)
        assert said.status < 300, said.json
        return said.json if said.status != 204 else None


MakeSoftware = Callable[[str], Software]


@pytest.fixture
def software(showcase: Showcase) -> MakeSoftware:
    """Give a script the key of somebody, by his login."""

    def make(login: str) -> Software:
        with showcase.elevated() as env:
            user = env["res.users"].search([["login", "=", login]]).ensure_one().id
            return Software(Browser(showcase.application()), create_key(env, user, "a script")[1])

    return make


@pytest.fixture
def ben(software: MakeSoftware) -> Software:
    """Ben's script; he may use the showcase."""
    return software("ben")
