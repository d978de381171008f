"""The files of the client: what others made is as they published it, and templates keep the rules for their authors."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from growsoft.web.http import Headers, Request
from growsoft.web.static import StaticFiles

WEB = Path(str(files("growsoft.web")))
VIEWS = Path(str(files("growsoft.views")))
TEMPLATES = sorted([*WEB.glob("templates/*"), *VIEWS.glob("templates/*")])
BUNDLES = {"client.js": sorted(WEB.glob("static/client/*.js")), "record.js": sorted(WEB.glob("static/record/*.js"))}
SCRIPTS = [path for paths in BUNDLES.values() for path in paths]
# What our templates must not hold: the policy would refuse it, or it would let text become markup.
FORBIDDEN = {
    "a style attribute": r"\sstyle\s*=",
    "an event handler": r"\son[a-z]+\s*=",
    "htmx that evaluates": r"hx-on|hx-live|js:|javascript:",
    "an expression in a trigger": r"hx-trigger=\"[^\"]*\[",
    "a script of its own": r"<script",
    "a style of its own": r"<style",
    "text marked as safe": r"\|\s*safe|autoescape",
    "a nonce that the macro did not stamp": r"nonce\s*=",
    "an address elsewhere": r"(href|src|action)=\"(https?:)?//",
    "a template by a name that is made": r"{%\s*(include|import|extends)\s+[^\"\s]",
}


def manifest() -> Iterator[dict[str, str]]:
    yield from tomllib.loads((WEB / "static/vendor/vendor.toml").read_text(encoding="utf-8"))["file"]


def test_what_others_made_is_as_they_published_it() -> None:
    listed = {entry["path"]: entry for entry in manifest()}
    kept = {path.name for path in (WEB / "static/vendor").iterdir()} - {"vendor.toml"}
    assert kept == set(listed) | {entry["license_file"] for entry in listed.values()}
    for name, entry in listed.items():
        assert hashlib.sha256((WEB / "static/vendor" / name).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["license"] == "0BSD"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_sw3_a_template_keeps_the_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for what, pattern in FORBIDDEN.items():
        assert not re.search(pattern, text), what
    for element in re.findall(r"<[a-z]+[^<]*?\shx-(?:get|post)=[^<]*", text):
        assert "{{ hx() }}" in element, element


def test_sw3_the_rules_find_what_they_look_for() -> None:
    holes = [
        '<p style="x">', '<p onclick="x">', '<p hx-on:click="x">', '<p hx-trigger="click[x]">', "<script>", "<style>",
        "{{ x|" + "safe }}", '<p nonce="x">', '<a href="//x">', "{% include x %}",
    ]  # fmt: skip
    for (what, pattern), hole in zip(FORBIDDEN.items(), holes, strict=True):
        assert re.search(pattern, hole), what


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_sw3_a_script_makes_no_markup_of_text(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser",
                 "createContextualFragment", 'setTimeout("', "import("):  # fmt: skip
        assert word not in text, word


def ask(static: StaticFiles, path: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    response = static.answer(
        Request("GET", path, headers=Headers((n.replace("_", "-"), v) for n, v in headers.items()))
    )
    return response.body, dict(response.headers)


def test_files_are_kept_for_ever_under_addresses_that_change_with_them() -> None:
    static = StaticFiles()
    address = static.url("app.css")
    body, headers = ask(static, address, accept_encoding="gzip")
    assert headers["cache-control"].endswith("immutable")
    assert headers["content-encoding"] == "gzip"
    assert len(body) < 6_000
    _, old = ask(static, "/static/0123456789ab/app.css")
    assert old["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path", ["/static/x/../app.py", "/static/x/..%2f..%2fapp.py", "/static/app.css", "/static/x/vendor/vendor.toml",
             "/static/x/client/keys.js", "/static/", "/static/x/\0"],
)  # fmt: skip
def test_nothing_but_the_files_of_the_client_is_given(path: str) -> None:
    with pytest.raises(Exception, match="nothing at this address"):
        StaticFiles().answer(Request("GET", path))


@pytest.mark.parametrize(("bundle", "scripts"), BUNDLES.items())
def test_the_modules_of_the_client_are_blocks_of_one_script(bundle: str, scripts: list[Path]) -> None:
    body, _ = ask(StaticFiles(), StaticFiles().url(bundle))
    text = body.decode()
    assert text.count("\n}\n{\n") == len(scripts) - 1
    assert not re.search(r"^//", text, re.MULTILINE)
    assert "import " not in text
    assert "export " not in text
