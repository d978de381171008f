"""The headers policy: one object that finishes every response, errors included."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from growsoft.web.http import Response

DAY = 24 * 60 * 60
YEAR = 365 * DAY

# Nothing a page of ours needs; `()` also forbids it to frames.
FORBIDDEN_FEATURES = (
    "browsing-topics", "camera", "display-capture", "geolocation", "hid", "idle-detection", "local-fonts", "microphone",
    "midi", "payment", "serial", "usb",
)  # fmt: skip

PAGE_CSP = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)
STATIC_PAGE_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
# What is no page, but is opened as one, gets nothing at all to work with.
NO_PAGE_CSP = "default-src 'none'; frame-ancestors 'none'; sandbox"

# Browsers show a PDF in a viewer of their own, which no sandbox lets in; scripts of its origin have no place in it.
PDF_CSP = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"
PDF = "application/pdf"

# What browsers heed only of the page itself.
PAGE_FIELDS = (
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("permissions-policy", ", ".join(f"{feature}=()" for feature in FORBIDDEN_FEATURES)),
    ("x-frame-options", "DENY"),
)


@dataclass(frozen=True, slots=True)
class HeadersPolicy:
    """What every response says to browsers besides its content.

    Sources: MDN HTTP Observatory, OWASP ASVS 5.0 V3.4; RFC 6797 for HSTS.
    """

    hsts_seconds: int = YEAR

    def apply(self, response: Response, *, host: str) -> tuple[tuple[str, str], ...]:
        """Return all header fields of a response for a client that asked under a host name."""
        own = {name.lower() for name, _ in response.headers}
        is_page = response.content_type.startswith("text/html")
        fields = [
            ("content-type", response.content_type),
            ("content-security-policy", csp(response.nonce) if is_page else other_csp(response.content_type)),
            ("strict-transport-security", self.hsts(host)),
            ("x-content-type-options", "nosniff"),
            # Not `no-referrer`: browsers then send `Origin: null` with our own forms (Fetch, "append Origin").
            ("referrer-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            *(PAGE_FIELDS if is_page else ()),
        ]
        # Whatever a cache keeps, it must be meant for a cache: pages are not.
        if response.nonce or "cache-control" not in own:
            fields.append(("cache-control", "no-store"))
            return (*fields, *((name, value) for name, value in response.headers if name.lower() != "cache-control"))
        return (*fields, *response.headers)

    def hsts(self, host: str) -> str:
        """Return the HSTS value: a year for a customer's own name, one day and no sub-domains for `localhost`.

        A laptop's `localhost` is shared with every other program under development there.
        """
        if is_local(host):
            return f"max-age={min(DAY, self.hsts_seconds)}"
        return f"max-age={self.hsts_seconds}; includeSubDomains"


def is_local(host: str) -> bool:
    """Say whether a Host field names this machine (RFC 6761, section 6.3), or is missing."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return name in {"", "localhost", "127.0.0.1", "[::1]"} or name.endswith(".localhost")


def csp(nonce: str) -> str:
    """Return the content security policy of a page that runs the scripts with this nonce, or none at all."""
    return PAGE_CSP.format(nonce=nonce) if nonce else STATIC_PAGE_CSP


def other_csp(content_type: str) -> str:
    """Return the content security policy of what is no page."""
    return PDF_CSP if content_type == PDF else NO_PAGE_CSP


def new_nonce() -> str:
    """Return a fresh nonce of 128 random bits (CSP level 3, section 7.1)."""
    return secrets.token_urlsafe(16)
