"""A stranger: speaks TLS and raw HTTP to a running instance, under whatever names he likes."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.support.instance import Home

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')


@dataclass(frozen=True)
class Heard:
    """All that came back on one connection."""

    raw: bytes

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n", self.raw)]

    @property
    def text(self) -> str:
        """Everything, as text."""
        return self.raw.decode("utf-8", "replace")


@dataclass
class Stranger:
    """Somebody at the HTTPS port of an instance; `source` is the loopback address he comes from."""

    home: Home
    host: str = "demo.localhost"
    source: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict[str, str])

    def connect(self, sni: str = "") -> ssl.SSLSocket:
        """Open a connection."""
        context = ssl.create_default_context(cafile=str(self.home.state.ca / "ca.pem"))
        context.check_hostname = False  # the names are what is attacked
        raw = socket.create_connection(("127.0.0.1", self.home.port), 10, source_address=(self.source, 0))
        return context.wrap_socket(raw, server_hostname=sni or self.host)

    def say(self, data: bytes, *, sni: str = "", patience: float = 5) -> Heard:
        """Send bytes as they are, then only listen."""
        with self.connect(sni) as tls:
            tls.settimeout(patience)
            heard = b""
            with contextlib.suppress(OSError):
                tls.sendall(data)
                while part := tls.recv(65536):
                    heard += part
            return Heard(heard)

    def ask(self, method: str, path: str, body: bytes = b"", *, host: str = "", sni: str = "", **headers: str) -> Heard:
        """Send one request and keep the cookies of its answer."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        named = {
            "host": host or f"{self.host}:{self.home.port}", "connection": "close", "content-length": str(len(body)),
            **({"cookie": cookies} if cookies else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        heard = self.say("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body, sni=sni, patience=30)
        for name, value in re.findall(r"\r\nset-cookie: ([^=]+)=([^;\r]*)", heard.text):
            self.cookies[name] = value
        return heard

    def sign_in(self, login: str, password: str, **headers: str) -> Heard:
        """Fill in the sign-in form as a browser does."""
        form = {"login": login, "password": password, "csrf": self._token(self.ask("GET", "/web/login"))}
        origin = {"origin": f"https://{self.host}:{self.home.port}", "sec_fetch_site": "same-origin"}
        kind = {"content_type": "application/x-www-form-urlencoded"}
        return self.ask("POST", "/web/login", urlencode(form).encode(), **origin, **kind, **headers)

    @staticmethod
    def _token(page: Heard) -> str:
        found = _CSRF.search(page.text)
        assert found is not None, page.text
        return found[1]
