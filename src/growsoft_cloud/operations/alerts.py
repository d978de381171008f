"""Alerts: what is wrong is told by e-mail and webhook once, again each day while it lasts, and when it is over.

A backup that is late raises an alert like one that failed: silence is never taken for success.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import smtplib
import socket
import ssl
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from http.client import HTTPException, HTTPMessage, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from typing import IO, Final, Protocol
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, ProxyHandler, Request, build_opener

from growsoft.errors import ConfigError, GrowsoftError
from growsoft_cloud.operations.monitor import Level

AGAIN: Final = timedelta(hours=24)
PATIENCE: Final = 20.0


class NotTold(GrowsoftError):
    """An alert could not be sent; it is tried again, correct the address."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong at this moment; `key` is the same for as long as it lasts."""

    key: str
    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Open:
    """An alert that people may have been told of."""

    key: str
    level: Level
    text: str
    since: datetime
    told_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What there is to tell: what began or became worse, what still lasts a day later, and what is over."""

    begun: tuple[Open, ...] = ()
    lasting: tuple[Open, ...] = ()
    over: tuple[Open, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.begun or self.lasting or self.over)


def changes(alarms: Iterable[Alarm], known: Iterable[Open], now: datetime) -> Changes:
    """Compare what is wrong now with what people know; a pure function."""
    before = {alert.key: alert for alert in known}
    present = {alarm.key: alarm for alarm in alarms}
    begun: list[Open] = []
    lasting: list[Open] = []
    for key, alarm in present.items():
        alert = before.get(key)
        since = now if alert is None else alert.since
        told = Open(key, alarm.level, alarm.text, since, None if alert is None else alert.told_at)
        if alert is None or alert.told_at is None or (alert.level, alarm.level) == (Level.WARNING, Level.ALARM):
            begun.append(told)
        elif now - alert.told_at >= AGAIN:
            lasting.append(told)
    return Changes(tuple(begun), tuple(lasting), tuple(alert for key, alert in before.items() if key not in present))


class Channel(Protocol):
    """A way to tell people."""

    def tell(self, subject: str, body: str, alerts: Sequence[dict[str, str]]) -> None:
        """Tell; raises `NotTold`."""
        ...


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail, always encrypted on its way (RFC 3207) but for a server on this machine."""

    host: str
    port: int
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse addresses that could steer the headers."""
        for address in (self.sender, *self.recipients):
            if "@" not in address or any(character in address for character in "\r\n,;"):
                raise ConfigError(f"{address!r} is no e-mail address; give one such as operations@example.com.")
        if not self.recipients:
            raise ConfigError("Alerts by e-mail need somebody to read them; give an address.")

    def tell(self, subject: str, body: str, alerts: Sequence[dict[str, str]]) -> None:
        """Send one message."""
        del alerts
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, self.sender, ", ".join(self.recipients)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        try:
            with smtplib.SMTP(self.host, self.port, timeout=PATIENCE) as server:
                if not is_loopback(self.host):
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, self.password)
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise NotTold(
                f"{self.host}:{self.port} did not take an alert ({error}); correct the mail server."
            ) from error


@dataclass(frozen=True, slots=True)
class Webhook:
    """A POST of JSON, signed: `X-Growsoft-Signature: sha256=` and the HMAC-SHA256 (RFC 2104) of the body.

    It goes to public addresses only, or by plain http to this machine: an address that somebody typed must not lead to
    what listens in the network of the servers.
    """

    url: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse an address that everybody on the way could read."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ConfigError(f"{self.url!r} must begin with https://.")

    def tell(self, subject: str, body: str, alerts: Sequence[dict[str, str]]) -> None:
        """Send one request; a redirect is not followed."""
        del body
        data = json.dumps({"subject": subject, "alerts": list(alerts)}).encode()
        signature = hmac.digest(self.secret.encode(), data, hashlib.sha256).hex()
        headers = {"Content-Type": "application/json", "X-Growsoft-Signature": f"sha256={signature}"}
        request = Request(self.url, data=data, headers=headers, method="POST")  # noqa: S310 - https, see above
        try:
            with build_opener(ProxyHandler({}), _NoRedirects, _ToTheWorld).open(request, timeout=PATIENCE):
                return
        except (OSError, URLError, HTTPException, ValueError) as error:
            raise NotTold(f"The webhook did not take an alert ({error}); correct its address.") from error


class _NoRedirects(HTTPRedirectHandler):
    """Where an alert goes is decided here, not by whoever answers."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """Follow nobody."""


class _PublicConnection(HTTPSConnection):
    """Connects to the very address that was looked at: a name may mean another one a moment later."""

    def connect(self) -> None:
        """Connect, or raise ``OSError`` where the name means an address that is not public."""
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(address[4][0]) for address in found]
        for address in addresses:
            if not ip_address(address.partition("%")[0]).is_global:
                raise OSError(f"{self.host} is {address}, which is no public address")
        raw = socket.create_connection((addresses[0], self.port), PATIENCE)
        self.sock = ssl.create_default_context().wrap_socket(raw, server_hostname=self.host)


class _ToTheWorld(HTTPSHandler):
    """Opens https:// only towards public addresses."""

    def https_open(self, req: Request) -> HTTPResponse:
        """Open a request."""
        return self.do_open(_PublicConnection, req)


def tell(found: Changes, channels: Sequence[Channel]) -> list[NotTold]:
    """Tell all changes by every channel; one that fails does not silence the others. Returns what failed."""
    failures: list[NotTold] = []
    subject, body, alerts = subject_of(found), body_of(found), facts_of(found)
    for channel in channels:
        try:
            channel.tell(subject, body, alerts)
        except NotTold as error:
            failures.append(error)
    return failures


def subject_of(found: Changes) -> str:
    """Say in one line how bad it is."""
    alarms = sum(alert.level is Level.ALARM for alert in (*found.begun, *found.lasting))
    warnings = len(found.begun) + len(found.lasting) - alarms
    if alarms or warnings:
        return f"Growsoft backups: {alarms} alarms, {warnings} warnings"
    return f"Growsoft backups: {len(found.over)} over"


def body_of(found: Changes) -> str:
    """Say everything, the worst first."""
    parts = (("New", found.begun), ("Still", found.lasting), ("Over", found.over))
    lines = [
        f"{title}: {alert.level.upper()} since {alert.since:%Y-%m-%d %H:%M} UTC: {alert.text}"
        for title, alerts in parts
        for alert in sorted(alerts, key=lambda one: (one.level, one.since))
    ]
    return "\n".join(lines) + "\n"


def facts_of(found: Changes) -> list[dict[str, str]]:
    """Say everything for programs."""
    parts = (("begun", found.begun), ("lasting", found.lasting), ("over", found.over))
    return [
        {"state": state, "key": one.key, "level": one.level, "since": one.since.isoformat(), "text": one.text}
        for state, alerts in parts
        for one in alerts
    ]


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine."""
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
