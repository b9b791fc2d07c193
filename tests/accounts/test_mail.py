"""Mails: into a private folder without a server, by SMTP with one."""

from __future__ import annotations

import dataclasses
import logging
import socketserver
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from tests.accounts.people import another_app
from webapp.mail import MailError, read_outbox, send_mail
from webapp.settings import Settings


def test_a_mail_waits_in_a_folder_that_only_the_operator_reads(app: Flask, settings: Settings) -> None:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(str(record.msg))

    keep = Keep()
    logging.getLogger().addHandler(keep)
    try:
        with app.app_context():
            send_mail("lin@example.com", "余额不足", "Only 12 messages are left.\n还剩 12 条。\n")
            send_mail("lin@example.com", "Second", "Two.\n")
    finally:
        logging.getLogger().removeHandler(keep)
    assert [mail.subject for mail in read_outbox(settings.instance)] == ["余额不足", "Second"]
    mail = read_outbox(settings.instance)[0]
    assert (mail.to, mail.body) == ("lin@example.com", "Only 12 messages are left.\n还剩 12 条。\n")
    assert str(mail).startswith("To: lin@example.com\nSubject: 余额不足\n\nOnly 12")
    assert stat.S_IMODE(mail.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(mail.path.parent.stat().st_mode) == 0o700
    assert any("1 mail waiting" in line for line in lines)
    assert "lin@example.com" not in "".join(lines)


@pytest.mark.parametrize(
    ("to", "subject"),
    [("lin@example.com\nBcc: eve@example.com", "x"), ("lin@example.com", "a\r\nBcc: b@c.d")],
)
def test_a_line_break_in_a_head_is_refused(app: Flask, settings: Settings, to: str, subject: str) -> None:
    with app.app_context(), pytest.raises(ValueError, match=r"."):
        send_mail(to, subject, "text")
    assert read_outbox(settings.instance) == []


class _Server(socketserver.ThreadingTCPServer):
    """The few words of SMTP that a mail needs."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, refuses: bool) -> None:
        self.refuses, self.heard = refuses, list[str]()
        super().__init__(("127.0.0.1", 0), _Talk)


class _Talk(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.say("220 here")
        while line := self.rfile.readline().decode().rstrip():
            word = line[:4].upper()
            if word == "DATA":
                self.say("354 go on")
                while (text := self.rfile.readline().decode().rstrip()) != ".":
                    self.server.heard.append(text)
                self.say("250 taken")
            elif word == "QUIT":
                self.say("221 bye")
                return
            elif word == "RCPT" and self.server.refuses:
                self.say("550 no such person <lin@example.com>")
            else:
                self.say("250 well")

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[_Server]:
    """A mail server on this machine; parametrized with whether it refuses."""
    with _Server(bool(getattr(request, "param", False))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@contextmanager
def mailing(settings: Settings, url: str) -> Iterator[None]:
    """Inside an application with this MAIL_URL."""
    with another_app(dataclasses.replace(settings, mail_url=url)) as app, app.app_context():
        yield


def test_with_a_server_it_is_sent(settings: Settings, server: _Server) -> None:
    url = f"smtp://127.0.0.1:{server.server_address[1]}?from=Tea%20%3Ctea@example.com%3E"
    with mailing(settings, url):
        send_mail("lin@example.com", "Hello", "A text.\n")
    assert "To: lin@example.com" in server.heard
    assert "From: Tea <tea@example.com>" in server.heard
    assert "A text." in server.heard
    assert read_outbox(settings.instance) == []


@pytest.mark.parametrize("server", [True], indirect=True)
def test_a_refusal_is_told_without_the_address(settings: Settings, server: _Server) -> None:
    url = f"smtp://127.0.0.1:{server.server_address[1]}"
    with mailing(settings, url), pytest.raises(MailError) as failure:
        send_mail("lin@example.com", "Hello", "A text.\n")
    assert "lin@" not in str(failure.value)
    assert failure.value.__cause__ is None


def test_a_password_is_not_sent_in_the_clear(settings: Settings, server: _Server) -> None:
    url = f"smtp://lin:secret@127.0.0.1:{server.server_address[1]}"
    with mailing(settings, url), pytest.raises(MailError):
        send_mail("lin@example.com", "Hello", "A text.\n")
    assert server.heard == []


def test_no_server_there_is_an_error_to_try_again(settings: Settings) -> None:
    with mailing(settings, "smtp://127.0.0.1:1"), pytest.raises(MailError):
        send_mail("lin@example.com", "Hello", "A text.\n")
