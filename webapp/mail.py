"""Mails: by SMTP where the operator named a server, else into a folder that only the operator can read.

Without a server nothing is lost: a mail waits in `instance/outbox/` and `webapp outbox` shows it. The log
says that one waits, never for whom.
"""

from __future__ import annotations

import email.policy
import os
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import format_datetime, make_msgid
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import structlog
from flask import current_app

from webapp import clock
from webapp.database import new_id
from webapp.settings import Settings, settings_of

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 10.0


class MailError(Exception):
    """The mail server did not take a mail; a later try may succeed."""


@dataclass(frozen=True)
class Mail:
    """A mail that waits in the outbox."""

    path: Path
    to: str
    subject: str
    body: str

    def __str__(self) -> str:
        """The mail as the operator reads it on a terminal."""
        return f"To: {self.to}\nSubject: {self.subject}\n\n{self.body}"


def send_mail(to: str, subject: str, body: str) -> None:
    """Send a plain text mail, or put it into the outbox where MAIL_URL is not set.

    Call it from a job where a server is set: it waits for that server. Raises MailError; ValueError for an
    address or a subject with a line break in it.
    """
    settings = settings_of(current_app)
    message = _message(settings, to, subject, body)
    if settings.mail_url is None:
        _keep(settings.instance, message)
        log.info("1 mail waiting")
    else:
        _send(urlsplit(settings.mail_url), message)


def read_outbox(instance: Path) -> list[Mail]:
    """The mails that wait in an instance's outbox, oldest first."""
    return [_read(path) for path in sorted(_outbox(instance).glob("*.eml"))]


def _message(settings: Settings, to: str, subject: str, body: str) -> EmailMessage:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = _sender(settings)
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = make_msgid(domain=settings.public_host or "localhost")
    # So that no automatic answer comes back to an address that nobody reads.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body)
    return message


def _sender(settings: Settings) -> str:
    """`?from=` of MAIL_URL, else an address at the public host."""
    named = parse_qs(urlsplit(settings.mail_url or "").query).get("from", [])
    return named[0] if named else f"Tidings <tidings@{settings.public_host or 'localhost'}>"


# ---- the outbox --------------------------------------------------------------------------------------


def _outbox(instance: Path) -> Path:
    return instance / "outbox"


def _keep(instance: Path, message: EmailMessage) -> None:
    folder = _outbox(instance)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{new_id()}.eml"
    unfinished = folder / f"{name}.part"
    handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(message.as_bytes())
    # Renamed when whole, so that whoever reads the outbox never sees half a mail.
    unfinished.rename(folder / name)


def _read(path: Path) -> Mail:
    with path.open("rb") as file:
        message = BytesParser(policy=email.policy.default).parse(file)
    content = message.get_body(("plain",))
    body = content.get_content() if content is not None else ""
    return Mail(path, str(message["To"]), str(message["Subject"]), str(body))


# ---- SMTP --------------------------------------------------------------------------------------------


def _send(url: SplitResult, message: EmailMessage) -> None:
    """Hand a mail to the server: smtps:// is encrypted from the start, smtp:// as soon as it is offered."""
    try:
        with _connection(url) as server:
            if url.username:
                server.login(unquote(url.username), unquote(url.password or ""))
            server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        # The error's own text may hold the address; its kind is enough to look for the cause.
        raise MailError(f"the mail server did not take the mail ({type(error).__name__})") from None


def _connection(url: SplitResult) -> smtplib.SMTP:
    host = url.hostname or ""
    if url.scheme == "smtps":
        return smtplib.SMTP_SSL(
            host, url.port or 465, timeout=CONNECT_SECONDS, context=ssl.create_default_context()
        )
    server = smtplib.SMTP(host, url.port or 587, timeout=CONNECT_SECONDS)
    server.ehlo()
    if server.has_extn("starttls"):
        server.starttls(context=ssl.create_default_context())
    elif url.username:
        server.close()
        raise smtplib.SMTPNotSupportedError("a password is not sent without encryption")
    return server
