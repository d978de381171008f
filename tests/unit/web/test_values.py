"""Requests, responses, routes, forms, tokens and headers as values."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.web import csrf
from growsoft.web.compress import compressed
from growsoft.web.errors import MethodNotAllowed, Refusal, WrongType, problem_of
from growsoft.web.forms import form_of
from growsoft.web.headers import DAY, YEAR, HeadersPolicy
from growsoft.web.http import Headers, Request, Response, local_path, redirect
from growsoft.web.limits import Budget, Connections, Limits, network_of
from growsoft.web.routing import Routes
from growsoft.web.session import device_cookie, session_cookie

FORM = "application/x-www-form-urlencoded"


def request(body: bytes = b"", **headers: str) -> Request:
    return Request(
        "POST", "/", headers=Headers((name.replace("_", "-"), value) for name, value in headers.items()), body=body
    )


def test_header_fields_are_found_in_any_case_and_a_doubled_host_is_none() -> None:
    found = Request("GET", "/", headers=Headers([("Host", "a"), ("X", "1"), ("x", "2")]))
    assert (found.host, found.headers["X"], found.headers.every("x")) == ("a", "1", ("1", "2"))
    assert Request("GET", "/", headers=Headers([("Host", "a"), ("host", "b")])).host == ""


def test_a_query_has_bounds_and_no_bytes_that_are_not_text() -> None:
    assert dict(Request("GET", "/", "a=%FF").query) == {"a": "\N{REPLACEMENT CHARACTER}"}
    with pytest.raises(Refusal):
        _ = Request("GET", "/", "&".join(f"a{number}=1" for number in range(5000))).query


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x=1", "a\nb", "a\0b"])
def test_a_header_cannot_start_another(value: str) -> None:
    with pytest.raises(ValueError, match="no header may have"):
        Response(headers=(("x", value),))


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "https://evil.example", "", "evil", "/a\r\nb", "/\t/x", "/é", "javascript:x"],
)
def test_a_redirect_stays_on_its_host(path: str) -> None:
    assert not local_path(path)
    with pytest.raises(ValueError, match="path of this host"):
        redirect(path)


def test_a_form_is_read_as_html_sends_it() -> None:
    found = form_of(request(b"a=1&a=2&b=%C3%A9+x&c=", content_type=FORM)).fields
    assert (found["a"], found.every("a"), found["b"], found["c"], found.text("d")) == ("2", ("1", "2"), "é x", "", "")
    part = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1 \xc3\xa9\r\n--x--\r\n'
    assert form_of(request(part, content_type="multipart/form-data; boundary=x")).fields["a"] == "1 é"


@pytest.mark.parametrize(
    ("body", "kind", "refused"),
    [
        (b"a=%FF", FORM, Refusal),
        (b"a=\xff", FORM, Refusal),
        (b"&".join(b"a=1" for _ in range(20_000)), FORM, Refusal),
        (b"{}", "application/json", WrongType),
        (b"a=1", "text/plain", WrongType),
        (b"a=1", "", WrongType),
        (b"--x\r\n", "multipart/form-data; boundary=x", Refusal),
        (b"x", "multipart/form-data", Refusal),
        (b'--x\r\ncontent-disposition: form-data; name="a"; filename="f"\r\n\r\n1\r\n--x--\r\n',
         "multipart/form-data; boundary=x", WrongType),
    ],
)  # fmt: skip
def test_what_is_no_form_is_refused(body: bytes, kind: str, refused: type[Refusal]) -> None:
    with pytest.raises(refused):
        form_of(request(body, content_type=kind))


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_token_is_good_for_its_secret_alone(secret: str, other: str) -> None:
    token = csrf.token(secret.encode("utf-8", "replace").decode())
    assert csrf.matches(token, secret.encode("utf-8", "replace").decode())
    assert csrf.matches(token, other.encode("utf-8", "replace").decode()) == (
        secret.encode("utf-8", "replace") == other.encode("utf-8", "replace")
    )


@given(st.text())
def test_no_text_is_more_than_a_wrong_token(text: str) -> None:
    assert not csrf.matches(text, "secret")


def test_an_empty_secret_is_never_enough() -> None:
    own = request(origin="https://a", sec_fetch_site="same-origin")
    with pytest.raises(Refusal):
        csrf.refuse_forgery(own, given=csrf.token(""), secret="", origin="https://a")


def test_routes_know_their_parameters() -> None:
    routes: Routes[str] = Routes()

    @routes.get("/app/{model:model}/{record:id}")
    def show(context: str, model: str, record: int) -> Response:
        return Response(body=f"{context} {model} {record}".encode())

    found = routes.find("HEAD", "/app/a.b/7")
    assert found is not None
    assert found.answer("x").body == b"x a.b 7"
    for path in ("/app/a.b/0", "/app/a.b/x", "/app/A/7", "/app/a..b/7", "/app/a.b/7/", "/app/a.b/" + "9" * 30):
        assert routes.find("GET", path) is None
    with pytest.raises(MethodNotAllowed):
        routes.find("POST", "/app/a.b/7")


def test_a_handler_that_does_not_fit_its_address_is_refused_when_declared() -> None:
    routes: Routes[str] = Routes()

    def wrong(context: str, record: str) -> Response:
        return Response(body=(context + record).encode())

    declare: Callable[[Callable[..., Response]], object] = routes.get("/{record:id}")
    with pytest.raises(TypeError, match="takes"):
        declare(wrong)


def test_hsts_is_short_and_alone_on_localhost() -> None:
    policy = HeadersPolicy()
    for host in ("localhost", "localhost:8443", "demo.localhost:8443", "127.0.0.1:8443", "[::1]:8443", ""):
        assert policy.hsts(host) == f"max-age={DAY}"
    for host in ("erp.example.com", "localhost.example.com", "notlocalhost"):
        assert policy.hsts(host) == f"max-age={YEAR}; includeSubDomains"


def test_a_page_with_a_nonce_is_never_kept() -> None:
    fields = dict(HeadersPolicy().apply(Response(nonce="n", headers=(("cache-control", "public"),)), host="localhost"))
    assert fields["cache-control"] == "no-store"
    assert "script-src 'nonce-n'" in fields["content-security-policy"]


def test_what_is_no_page_can_do_nothing_when_opened_as_one() -> None:
    fields = dict(HeadersPolicy().apply(Response(content_type="image/svg+xml"), host="localhost"))
    assert fields["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert fields["x-content-type-options"] == "nosniff"


def test_pages_are_compressed_for_our_own_pages_alone() -> None:
    page = Response(body=b"<p>hello</p>" * 200)
    packed = compressed(request(accept_encoding="gzip, br"), page)
    assert gzip.decompress(packed.body) == page.body
    assert compressed(request(accept_encoding="gzip", sec_fetch_site="cross-site"), page) == page
    assert compressed(request(accept_encoding="gzip;q=0"), page) == page
    assert compressed(request(accept_encoding="gzip"), Response(body=b"x")).body == b"x"
    assert len({len(compressed(request(accept_encoding="gzip"), page).body) for _ in range(30)}) > 5


def test_cookies_are_bound_to_the_host() -> None:
    for name, value in (session_cookie("t", "browser"), session_cookie("t", "api"), device_cookie("d")):
        assert name == "set-cookie"
        assert value.startswith("__Host-")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(value.split("; "))


def test_an_error_shows_nothing_of_itself() -> None:
    problem = problem_of(RuntimeError("password=hunter2 at /srv/secret.py"))
    assert problem.status == 500
    assert "hunter2" not in problem.sentence + problem.title


def test_an_ipv6_client_is_its_whole_network() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::1")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"


def test_connections_and_bodies_are_counted() -> None:
    connections = Connections(Limits(connections=3, connections_per_address=2))
    assert [connections.admit(address) for address in ("1.1.1.1", "1.1.1.1", "1.1.1.1", "2.2.2.2", "3.3.3.3")] == [
        True, True, False, True, False,
    ]  # fmt: skip
    connections.release("1.1.1.1")
    assert connections.admit("3.3.3.3")
    budget = Budget(10)
    assert [budget.take(6), budget.take(6), budget.take(4)] == [True, False, True]
    budget.give_back(10)
    assert budget.take(10)
