"""BK-6: people are told by a real mail server and a real webhook: once, again each day, and when it is over."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from growsoft.errors import ConfigError
from growsoft_cloud.operations.alerts import Alarm, Changes, Mail, NotTold, Open, Webhook, changes, tell
from growsoft_cloud.operations.channels import built
from growsoft_cloud.operations.monitor import Level
from tests.support.instance import free_port

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATE = Alarm("7/late", Level.WARNING, "kyoto: The newest backup is late.")
FOUND = Changes(begun=(Open("7/late", Level.ALARM, "kyoto: late\nBcc: crook@example.com", NOW),))


def test_an_alert_is_told_once_then_each_day_and_when_it_is_over() -> None:
    begun = changes([LATE], [], NOW).begun
    assert [one.key for one in begun] == ["7/late"]
    known = [replace(begun[0], told_at=NOW)]
    assert not changes([LATE], known, NOW + timedelta(hours=23))
    again = changes([LATE], known, NOW + timedelta(hours=24))
    assert [one.since for one in again.lasting] == [NOW]
    assert changes([], known, NOW + timedelta(hours=1)).over == tuple(known)


def test_a_warning_that_becomes_an_alarm_is_told_at_once() -> None:
    known = [Open("7/late", Level.WARNING, "", NOW, told_at=NOW)]
    worse = changes([replace(LATE, level=Level.ALARM)], known, NOW + timedelta(minutes=5))
    assert [one.level for one in worse.begun] == [Level.ALARM]


def test_what_nobody_could_be_told_of_is_told_again() -> None:
    known = [Open("7/late", Level.WARNING, "", NOW, told_at=None)]
    assert len(changes([LATE], known, NOW + timedelta(minutes=2)).begun) == 1


class Inbox:
    """Keeps what a mail server was given."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content
        assert isinstance(content, bytes)
        self.messages.append((list(envelope.rcpt_tos), message_from_bytes(content)))
        return "250 OK"


@contextmanager
def mail_server() -> Generator[tuple[Inbox, int]]:
    inbox = Inbox()
    port = free_port()
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield inbox, port
    finally:
        controller.stop()


def test_bk6_an_alert_arrives_by_mail_and_its_text_steers_no_header() -> None:
    with mail_server() as (inbox, port):
        mail = Mail("127.0.0.1", port, "growsoft@example.com", ("ada@example.com", "bob@example.com"))
        assert tell(FOUND, [mail]) == []
    ((recipients, message),) = inbox.messages
    assert recipients == ["ada@example.com", "bob@example.com"]
    assert message["Subject"] == "Growsoft backups: 1 alarms, 0 warnings"
    assert message["Bcc"] is None
    assert "New: ALARM since 2026-11-22 12:00 UTC: kyoto: late" in str(message.get_payload())


@contextmanager
def hook_server(status: int = 204, location: str = "") -> Generator[tuple[list[tuple[bytes, str]], str]]:
    got: list[tuple[bytes, str]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((body, self.headers["X-Growsoft-Signature"]))
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield got, f"http://127.0.0.1:{server.server_port}/alerts"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_bk6_an_alert_arrives_at_a_webhook_signed() -> None:
    with hook_server() as (got, url):
        assert tell(FOUND, [Webhook(url, "shared")]) == []
    ((body, signature),) = got
    assert signature == "sha256=" + hmac.digest(b"shared", body, hashlib.sha256).hex()
    assert json.loads(body)["alerts"][0]["key"] == "7/late"


def test_a_webhook_that_fails_or_leads_elsewhere_is_told_and_does_not_silence_the_mail() -> None:
    with (
        mail_server() as (inbox, port), hook_server() as (elsewhere, other),
        hook_server(302, other) as (_first, url), hook_server(500) as (_second, broken),
    ):  # fmt: skip
        mail = Mail("127.0.0.1", port, "growsoft@example.com", ("ada@example.com",))
        assert len(tell(FOUND, [Webhook(url, "s"), Webhook(broken, "s"), mail])) == 2
    assert elsewhere == []
    assert len(inbox.messages) == 1


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "[::1]", "[::ffff:10.0.0.1]",
             "[fe80::1]", "2130706433"],
)  # fmt: skip
def test_a_webhook_never_leads_into_the_network_of_the_servers(host: str) -> None:
    """By number, by name, by another way to write a number: what is connected to is what was looked at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        port = listening.getsockname()[1]
        with pytest.raises(NotTold, match="no public address"):
            Webhook(f"https://{host}:{port}/hook", "s").tell("", "", [])
        with pytest.raises(TimeoutError):
            listening.accept()


def test_a_mail_server_that_is_down_is_told() -> None:
    with pytest.raises(NotTold, match="correct the mail server"):
        Mail("127.0.0.1", 9, "a@example.com", ("b@example.com",)).tell("", "", [])


@pytest.mark.parametrize(
    "values",
    [
        {"mail_to": "ada@example.com"},
        {"mail_to": "ada", "smtp": "localhost:25"},
        {"mail_to": "ada@example.com\nBcc: x@example.com", "smtp": "localhost:25"},
        {"webhook": "https://example.com"},
        {"webhook": "http://example.com/x", "webhook_secret": "s"},
    ],
)
def test_channels_that_cannot_work_or_would_be_overheard_are_refused(values: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        built(values)
