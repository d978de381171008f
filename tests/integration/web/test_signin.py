"""Signing in and out, by password and by one-time link."""

from __future__ import annotations

from tests.support.served import Browser
from tests.support.showcase import PASSWORD


def test_somebody_signs_in_and_out(visitor: Browser) -> None:
    asked = visitor.get("/app/show.item")
    assert (asked.status, asked.location) == (303, "/web/login?next=%2Fapp%2Fshow.item")
    visitor.follow(asked)
    signed_in = visitor.post("/web/login", {"login": "ben", "password": PASSWORD, "next": "/app/show.item"})
    assert (signed_in.status, signed_in.location) == (303, "/app/show.item")
    assert "Ben Example" in visitor.follow(signed_in).shown()
    stolen = dict(visitor.cookies)
    out = visitor.post("/web/logout", {})
    assert "You are signed out" in visitor.follow(out).shown()
    assert visitor.get("/app").status == 303
    visitor.cookies = stolen
    assert visitor.get("/app").status == 303
