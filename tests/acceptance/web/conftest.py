"""Fixtures: the showcase over TLS, and a chromium in which every violation of the content policy fails the test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from growsoft.auth.passwords import PasswordAuthenticator
from growsoft.keeper.keeper import Keeper
from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.security.certificates import Certificate
from growsoft.security.passwords import Hasher
from tests.acceptance.web.serving import issue, running
from tests.support.served import Showcase, keeper_over, served

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update",
    "--disable-background-networking", "--disable-sync",
)  # fmt: skip
# What a page tells us: violations of its policy, and scripts that should never have run.
WATCH = """
addEventListener("securitypolicyviolation", (event) => told(`${event.violatedDirective} ${event.blockedURI}`), true);
window.alert = (text) => told(`a script ran: ${text}`);
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser by what it asks for."""
    for item in items:
        if isinstance(item, pytest.Function) and "chromium" in item.fixturenames:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("there is no chromium; install it with: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def keeper(server: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Keeper:
    return keeper_over(server, tmp_path_factory.mktemp("keeper") / "keeper.log")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return issue(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def showcase(keeper: Keeper, server: Endpoint, pools: Pools, tmp_path: Path) -> Iterator[Showcase]:
    """A database of its own for one test."""
    with Hasher(2) as hasher:
        yield served(keeper, server, pools, PasswordAuthenticator(hasher), tmp_path / "files")


@dataclass
class Stage:
    """The showcase being served, and the pages that tests open on it."""

    showcase: Showcase
    chromium: Browser
    port: int
    told: list[str] = field(default_factory=list[str])
    errors: list[str] = field(default_factory=list[str])
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])

    @property
    def address(self) -> str:
        return f"https://show.localhost:{self.port}"

    def open(self, *, scripts: bool = True, dark: bool = False, width: int = 1200) -> Page:
        """Open a browser of nobody."""
        context = self.chromium.new_context(
            ignore_https_errors=True,
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 800},
            base_url=self.address,
        )
        context.set_default_timeout(10_000)
        self.contexts.append(context)
        if scripts:
            context.expose_function("told", self._tell)  # pyright: ignore[reportUnknownMemberType]  untyped callback
            context.add_init_script(WATCH)
        page = context.new_page()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        return page

    def signed_in(self, login: str = "ben", *, scripts: bool = True, dark: bool = False, width: int = 1200) -> Page:
        """Open a browser of somebody, by a one-time link."""
        page = self.open(scripts=scripts, dark=dark, width=width)
        page.goto(f"/web/link/{self.showcase.link(login)}")
        page.click("button")
        page.wait_for_url("**/web/password")
        return page

    def _tell(self, text: str) -> None:
        self.told.append(text)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)


@pytest.fixture
def stage(showcase: Showcase, chromium: Browser, certificate: Certificate) -> Iterator[Stage]:
    """The showcase over TLS. No test passes when a page broke its own policy or a script of it failed."""
    with running(showcase.application(), certificate) as port:
        stage = Stage(showcase, chromium, port)
        yield stage
        for context in stage.contexts:
            context.close()
    assert stage.told == []
    assert stage.errors == []


@pytest.fixture
def items(showcase: Showcase) -> list[int]:
    """Two hundred items of three owners."""
    with showcase.elevated() as env:
        owners = env["show.owner"].create([{"name": name} for name in ("Kyoto Ltd", "Berlin AG", "Bern AG")])
        env["show.tag"].create([{"name": name} for name in ("red", "blue")])
        states = ("draft", "open", "done")
        made = env["show.item"].create([
            {"name": f"Item {number:03}", "code": f"P-{number:03}", "owner_id": owners.ids[number % 3],
             "state": states[number % 3], "count": number * 37, "weight": Decimal(number) / 8, "active": True}
            for number in range(200)
        ])  # fmt: skip
        return list(made.ids)
