"""HTTPS as a browser of no wits: to 127.0.0.1, under the name of a database, trusting the instance's own authority.

Python's resolver does not know NAME.localhost, so the name goes into SNI and Host.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from urllib.parse import urlencode

from tests.support.instance import Home

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def words(self) -> str:
        """The words of the page, without markup."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())


@dataclass
class Site:
    """A database of an instance, as one visitor sees it."""

    home: Home
    name: str = "localhost"
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    csrf: str = ""

    @property
    def host(self) -> str:
        """What a browser sends as Host."""
        return f"{self.name}:{self.home.port}"

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form, with the token of the last page."""
        body = urlencode({"csrf": self.csrf, **fields}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{self.host}"}
        return self.ask("POST", path, body, kind)

    def sign_in(self, login: str, password: str) -> Answer:
        """Sign in by the form; returns the page it leads to."""
        self.get("/web/login")
        answer = self.post("/web/login", {"login": login, "password": password})
        assert answer.status == 303, answer.words
        return self.get(answer.location)

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request over a connection of its own."""
        connection = self.connection()
        try:
            connection.request(method, path, body, {**self._own(), **(headers or {})})
            return self._kept(connection.getresponse())
        finally:
            connection.close()

    def connection(self, timeout: float = 30) -> HTTPConnection:
        """Open a connection whose certificate was checked for our name."""
        connection = HTTPConnection(self.name, self.home.port, timeout=timeout)
        connection.sock = self.connected(timeout)
        return connection

    def connected(self, timeout: float = 30) -> ssl.SSLSocket:
        """Connect with TLS."""
        context = ssl.create_default_context(cafile=str(self.home.state.ca / "ca.pem"))
        plain = socket.create_connection(("127.0.0.1", self.home.port), timeout)
        return context.wrap_socket(plain, server_hostname=self.name)

    def _own(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Host": self.host, "Sec-Fetch-Site": "same-origin", **({"Cookie": cookies} if cookies else {})}

    def _kept(self, response: HTTPResponse) -> Answer:
        text = response.read().decode(errors="replace")
        for header in response.headers.get_all("Set-Cookie") or []:
            for name, cookie in SimpleCookie(header).items():
                self.cookies[name] = cookie.value
        found = _CSRF.search(text)
        self.csrf = unescape(found.group(1)) if found else self.csrf
        return Answer(response.status, {name.lower(): value for name, value in response.headers.items()}, text)
