"""A visit: one request at one database, and what a handler needs to answer it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import entry_points
from itertools import groupby
from urllib.parse import urlencode

from markupsafe import Markup, escape

from growsoft.orm import Env
from growsoft.views.catalogue import Catalogue, catalogue_of
from growsoft.views.fields import ModelView
from growsoft.views.laying import Overlay, laid_over, overlay_of
from growsoft.views.manner import Manner
from growsoft.views.people import Person, companies_of, manner_of
from growsoft.views.records import Records
from growsoft.views.render import Templates
from growsoft.views.talk import waiting
from growsoft.views.values import Menu
from growsoft.web import csrf
from growsoft.web.forms import Form, Upload, form_of
from growsoft.web.headers import new_nonce
from growsoft.web.http import Fields, Request, Response, redirect
from growsoft.web.languages import browser_manner
from growsoft.web.ports import Authenticator, Client, Site
from growsoft.web.session import Session, device_id
from growsoft.web.static import StaticFiles
from growsoft.web.themes import theme_of

# By this group other distributions bring packages with pages and their templates.
PAGES = "growsoft.pages"


@dataclass(frozen=True)
class Tools:
    """What all requests of a worker share."""

    templates: Templates
    static: StaticFiles
    authenticator: Authenticator


def tools(authenticator: Authenticator) -> Tools:
    """Read templates and static files once."""
    static = StaticFiles()

    def icon(name: str) -> Markup:
        """Draw a picture of the sprite; words stand beside it, so it says nothing to readers of the screen."""
        address = escape(f"{static.url('icons.svg')}#{name}")
        return Markup(  # safe: a constant, its one value escaped
            '<svg class="icon" width="16" height="16" aria-hidden="true"><use href="{}"></use></svg>'
        ).format(address)

    # What other distributions show: loading one adds its addresses, and it brings its templates.
    brought = (entry.load().__name__ for entry in entry_points(group=PAGES))
    packages = ("growsoft.views", "growsoft.web", *brought)
    return Tools(Templates(packages, {"static": static.url, "icon": icon}), static, authenticator)


@dataclass(frozen=True)
class Visit:
    """A request of somebody who is not signed in, or of whom that does not matter; `device` is his browser's secret."""

    tools: Tools
    request: Request
    site: Site
    device: str
    brings_files: bool = field(default=False, kw_only=True)

    @cached_property
    def nonce(self) -> str:
        """The nonce of this answer."""
        return new_nonce()

    @property
    def secret(self) -> str:
        """The cookie that the tokens of this visitor's forms belong to."""
        return self.device

    @cached_property
    def form(self) -> Fields:
        """The fields of the form that was sent."""
        return self._sent.fields

    @property
    def files(self) -> tuple[Upload, ...]:
        """The files of the form that was sent, on routes that take some."""
        return self._sent.files

    @cached_property
    def _sent(self) -> Form:
        return form_of(self.request, files=self.brings_files)

    @property
    def manner(self) -> Manner:
        """How whoever asks reads, as far as his browser tells."""
        return browser_manner(self.request, self.site.registry)

    @property
    def client(self) -> Client:
        """Who knocks."""
        agent = self.request.headers.get("user-agent", "")[:200]
        script = csrf.from_script(self.request)
        return Client(self.request.client, device_id(self.device), agent, "api" if script else "browser")

    def page(self, template: str, context: Mapping[str, object], *, status: int = 200) -> Response:
        """Return a page without scripts."""
        known = {
            "site": self.site, "csrf": csrf.token(self.secret), "person": None, "find": "", "companies": (),
            "theme": theme_of(self.request),
        }  # fmt: skip
        return _response(self.tools.templates.render(template, {**known, **context}, self.manner), status)

    def go(self, path: str) -> Response:
        """Send the browser on to a path of this host, also when htmx and not the browser itself has asked."""
        if self.request.headers.get("hx-request") == "true":
            return Response(status=204, headers=(("hx-redirect", redirect(path).headers[0][1]),))
        return redirect(path)


@dataclass(frozen=True)
class SignedInVisit(Visit):
    """A request of somebody who is signed in, within his transaction."""

    session: Session
    env: Env
    person: Person
    records: Records = field(init=False)

    def __post_init__(self) -> None:
        """Look at records with his rights."""
        object.__setattr__(self, "records", Records(self.env, self._labels))

    def _labels(self, model: str) -> Mapping[str, str]:
        """Return what fields are called here, read when it is first asked for."""
        return self.overlay.labels(model)

    @property
    def secret(self) -> str:
        """The cookie that the tokens of this visitor's forms belong to."""
        return self.session.token

    @property
    def manner(self) -> Manner:
        """How he reads."""
        return manner_of(self.env)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The views of this database's apps."""
        return replace(catalogue_of(self.env.registry, self.env.lang), overlay=self.overlay)

    @cached_property
    def overlay(self) -> Overlay:
        """What an administrator of this database changed on its screens."""
        return overlay_of(self.env)

    def broken(self, model: ModelView) -> tuple[str, ...]:
        """Return the fields whose changes on the screens of a model do not fit any more."""
        views = catalogue_of(self.env.registry, self.env.lang).views(model)
        known = frozenset(self.env.registry.models[model.name].fields)
        return tuple(one.field for one in laid_over(views, self.overlay.of(model.name), known)[1])

    @cached_property
    def menu(self) -> list[tuple[str, list[Menu]]]:
        """The menu entries whose models he may read, by section."""
        readable = {model.name for model in self.records.models()}
        entries = [menu for menu in self.catalogue.menus if menu.model in readable]
        sections = sorted(entries, key=lambda menu: [entry.section for entry in entries].index(menu.section))
        return [(section, list(found)) for section, found in groupby(sections, key=lambda menu: menu.section)]

    def page(self, template: str, context: Mapping[str, object], *, status: int = 200) -> Response:
        """Return a page with the bar, the menu and scripts."""
        frame = {
            "menu": self.menu, "here": "", "person": self.person, "script": self._script,
            "bell": waiting(self.env), "theme": theme_of(self.request),
            "companies": companies_of(self.env), "active": self.env.companies,
        }  # fmt: skip
        return self.fragment(template, {**frame, **context}, status=status)

    def fragment(self, template: str, context: Mapping[str, object], *, status: int = 200) -> Response:
        """Return a part of a page that the client swaps in."""
        known = {"site": self.site, "csrf": csrf.token(self.secret), "nonce": self.nonce, "find": ""}
        html = self.tools.templates.render(template, {**known, **context}, self.manner)
        return _response(html, status, nonce=self.nonce)

    def _script(self, name: str, *, module: bool = False) -> Markup:
        """Load a script of ours: the one place that stamps the nonce on one."""
        kind = Markup(' type="module"') if module else Markup(" defer")  # safe: constants of this line
        tag = Markup('<script src="{}" nonce="{}"{}></script>')  # safe: a constant, its values escaped by format
        return tag.format(self.tools.static.url(name), self.nonce, kind)


def sign_in_path(request: Request, *, ended: bool = False) -> str:
    """Return the address of the sign-in page, that leads back to where somebody wanted to look."""
    wanted = request.path + (f"?{request.query_string}" if request.query_string else "")
    back = {"next": wanted} if request.method == "GET" and request.path not in {"/", "/app"} else {}
    asked = {**back, **({"ended": "1"} if ended else {})}
    return f"/web/login?{urlencode(asked)}" if asked else "/web/login"


def _response(html: str, status: int, nonce: str = "") -> Response:
    """Return HTML."""
    return Response(status=status, body=html.encode(), nonce=nonce)
