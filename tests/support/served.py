"""Served: a database of the showcase behind the real application, and a browser of few wits to visit it with."""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from werkzeug.http import parse_cookie

from growsoft.auth.passwords import PasswordAuthenticator, create_link
from growsoft.keeper.keeper import Keeper
from growsoft.keeper.log import VerbLog
from growsoft.keeper.product import InstalledApps
from growsoft.orm import Env, load, open_env
from growsoft.orm.filekeys import with_files
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.database import Database
from growsoft.postgres.keeper import new_database_name
from growsoft.postgres.pool import Pools
from growsoft.security.keyring import Keyring
from growsoft.web.app import Application
from growsoft.web.asgi import new_reference
from growsoft.web.http import Headers, Request, Response
from growsoft.web.ports import Site
from tests.support.showcase import APPS

INSTANCE_KEY = bytes(range(32))


@dataclass(frozen=True)
class OneSite:
    """A directory of one database under some names."""

    site: Site
    names: tuple[str, ...] = ("show.localhost", "localhost")

    def find(self, host: str) -> Site | None:
        return self.site if host in self.names else None


@dataclass(frozen=True)
class Showcase:
    """A database of the showcase and how to act in it."""

    site: Site
    keeper: Keeper
    authenticator: PasswordAuthenticator

    @contextmanager
    def elevated(self) -> Generator[Env]:
        """Act elevated, to prepare what a test needs."""
        door = self.site.database.elevated("a test prepares its records", caller=__name__)
        with open_env(self.site.database, self.site.registry, door) as env:
            yield env

    def link(self, login: str) -> str:
        """Make a one-time link for somebody."""
        with self.elevated() as env:
            return create_link(env, env["res.users"].search([["login", "=", login]]).ensure_one().id)

    def application(self) -> Application:
        """Return the application that serves this database."""
        return Application(OneSite(self.site), self.authenticator, keeper=self.keeper)


def keeper_over(server: Endpoint, log: Path) -> Keeper:
    """Start a keeper whose apps are those of the showcase."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    keeper = Keeper(server, Keyring(INSTANCE_KEY), InstalledApps(APPS), VerbLog(descriptor))
    keeper.start()
    return keeper


def served(
    keeper: Keeper,
    server: Endpoint,
    pools: Pools,
    authenticator: PasswordAuthenticator,
    files: Path | None = None,
    apps: Sequence[str] = ("show",),
) -> Showcase:
    """Create a database as the product does, and return it as a worker sees it, its files in a folder."""
    made = keeper.create_database(new_database_name(), uuid4(), tuple(apps))
    keys = Keyring(INSTANCE_KEY).worker_keys()
    endpoint = replace(server, dbname=made.name, user=made.name, password=keys.login_password(made.uuid, 1))
    database = Database(endpoint, made.uuid, 1, keys.signing_key(made.uuid, 1), pools)
    if files is not None:
        database = with_files(database, files, keys)
    return Showcase(Site("show", database, load(apps, available=APPS)), keeper, authenticator)


@dataclass
class Answer:
    """What came back, as a browser sees it."""

    response: Response
    headers: Headers

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def text(self) -> str:
        return self.response.body.decode()

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    def inputs(self) -> dict[str, str]:
        """The fields of all forms on the page, as they would be sent."""
        parser = _Inputs()
        parser.feed(self.text)
        return parser.found

    def shown(self) -> str:
        """The words of the page, without markup."""
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", self.text)).split())


@dataclass
class Browser:
    """Keeps cookies, says where it comes from, and sends forms with what they hold."""

    application: Application
    host: str = "show.localhost:8443"
    cookies: dict[str, str] = field(default_factory=dict[str, str])
    last: Answer | None = None

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers={"sec-fetch-site": "same-origin", **headers})

    def follow(self, answer: Answer) -> Answer:
        """Go where an answer sends us."""
        return self.get(answer.location)

    def post(self, path: str, fields: Mapping[str, str | Sequence[str]], **headers: str) -> Answer:
        """Send a form from the last page: its token, and these fields."""
        token = self.last.inputs().get("csrf", "") if self.last is not None else ""
        body = urlencode({"csrf": token, **fields}, doseq=True).encode()
        origin = {"origin": f"https://{self.host}", "sec-fetch-site": "same-origin"}
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, body, {**origin, **kind, **headers})

    def upload(self, path: str, *files: tuple[str, bytes], **headers: str) -> Answer:
        """Send files from the last page, as the form of a browser does."""
        token = self.last.inputs().get("csrf", "") if self.last is not None else ""
        parts = [_part("csrf", token.encode()), *(_part("file", content, name) for name, content in files)]
        body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
        origin = {"origin": f"https://{self.host}", "sec-fetch-site": "same-origin"}
        kind = {"content-type": "multipart/form-data; boundary=x"}
        return self.ask("POST", path, body, {**origin, **kind, **headers})

    def submit(self, path: str, **changes: str | Sequence[str]) -> Answer:
        """Open a form, change some of its fields, and send it to where it came from."""
        opened = self.get(path)
        return self.post(
            path, {**opened.inputs(), **{name.replace("__", "."): value for name, value in changes.items()}}
        )

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request as it stands."""
        parts = urlsplit(path)
        named = {"host": self.host, **({"cookie": self._cookies()} if self.cookies else {}), **(headers or {})}
        fields = Headers((name.replace("_", "-"), value) for name, value in named.items() if value)
        request = Request(method, parts.path, parts.query, fields, body, "127.0.0.1", new_reference())
        response, sent = self.application.finish(request, self.application.handle(request))
        answer = Answer(response, Headers(sent))
        self._keep(answer)
        if response.content_type.startswith("text/html") and response.body:
            self.last = answer
        return answer

    def sign_in(self, showcase: Showcase, login: str) -> Browser:
        """Come in by a one-time link: the quick way, the password costs a third of a second."""
        self.get(f"/web/link/{(link := showcase.link(login))}")
        self.post(f"/web/link/{link}", {})
        return self

    def _cookies(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _keep(self, answer: Answer) -> None:
        for cookie in answer.headers.every("set-cookie"):
            name, value = next(iter(parse_cookie(cookie.partition(";")[0]).items()))
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value


def _part(name: str, content: bytes, filename: str = "") -> bytes:
    """Write one part of a form with files."""
    file = f'; filename="{filename}"\r\nContent-Type: text/html' if filename else ""
    return f'Content-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + content


class _Inputs(HTMLParser):
    """Collects the fields of forms outside of templates."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._select = ""
        self._area = ""
        self._templates = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        name, value = told.get("name") or "", told.get("value") or ""
        self._templates += tag == "template"
        if self._templates:
            return
        if tag == "input" and name and not (told.get("type") in {"checkbox", "radio"} and "checked" not in told):
            self.found[name] = value
        elif tag == "select":
            self._select = name
            self.found[name] = ""
        elif tag == "option" and "selected" in told:
            self.found[self._select] = value
        elif tag == "textarea":
            self._area = name
            self.found[name] = ""

    def handle_endtag(self, tag: str) -> None:
        self._templates -= tag == "template"
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data: str) -> None:
        if self._area:
            self.found[self._area] += data.removeprefix("\n")
