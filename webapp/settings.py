"""All settings of the program: read once from the environment, typed, frozen.

A wrong setting stops the start with one sentence that names it. A value that is silently corrected
would be noticed on the day it matters: when messages are under way.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from flask import Flask

REAL_GATEWAY = "http://www.467890.com/Admin/index.php"
PRACTICE_PATH = "/Admin/index.php"
SHORTEST_KEY = 32
# What stands behind postgresql://, taken apart as SQLAlchemy does it; a role is needed, for its rights are
# given by name.
DATABASE_PLACE = re.compile(
    r"[^:/@?]+(?::[^@]*)?@(?:\[[^/?]+\]|[^:/?\[\]]*)(?::\d{1,5})?(?:/[^?]*)?(?:\?.*)?"
)


class SettingsError(ValueError):
    """A setting cannot be used; the text is a sentence that names it."""


@dataclasses.dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclasses.dataclass(frozen=True)
class Times:
    """All times of sending and reports, in seconds; see docs/sending.md for what each one means."""

    connect: float = 5
    answer: float = 60
    call_limit: float = 90
    lease: float = 240
    reaper: float = 30
    evidence: float = 90
    first_repeat: float = 90
    second_repeat: float = 300
    delay: float = 10
    start_by: float = 3600
    retry_first: float = 15
    retry_most: float = 900
    no_report_after: float = 600
    report_expired_after: float = 259_200
    dedup: float = 900
    balance_every: float = 900

    def check(self) -> None:
        """Raise SettingsError where two times contradict each other."""
        if not self.lease > 2 * self.call_limit:
            raise SettingsError(
                "TIDINGS_TIMES: lease must be more than twice call_limit, "
                "else a request still under way could be taken for lost."
            )
        if not self.lease + self.reaper + self.evidence + self.call_limit < self.dedup:
            raise SettingsError(
                "TIDINGS_TIMES: lease + reaper + evidence + call_limit must be less than dedup, "
                "else a repeat could reach people twice."
            )
        if not self.start_by > self.reaper:
            raise SettingsError(
                "TIDINGS_TIMES: start_by must be more than reaper, "
                "else a campaign could be missed by a pause that is nobody's fault."
            )

    @classmethod
    def parse(cls, text: str) -> Times:
        """Read `name=seconds,name=seconds`; names are the fields of this class.

        Raises SettingsError for an unknown name, a value that is no positive number, or a contradiction.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        values: dict[str, float] = {}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, separator, seconds = part.partition("=")
            name = name.strip()
            if not separator or name not in known:
                raise SettingsError(f"TIDINGS_TIMES: {name!r} is not one of {', '.join(sorted(known))}.")
            try:
                value = float(seconds)
            except ValueError:
                value = -1
            # Only the delay and the pauses before a repeat may be none at all.
            least = 0 if name in {"delay", "evidence", "first_repeat", "second_repeat"} else 0.01
            if not least <= value < 10**8:
                raise SettingsError(f"TIDINGS_TIMES: {name} must be a number of seconds, not {seconds!r}.")
            values[name] = value
        times = cls(**values)
        times.check()
        return times


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the program was told by its environment."""

    instance: Path
    bind: Address
    public_url: str
    gateway_url: str
    gateways: Mapping[str, str]
    practice: bool
    practice_bind: Address
    database_url: str | None
    database_owner_url: str | None
    secret_key: str | None
    keys_file: Path
    allow_http: bool
    signup: str
    mail_url: str | None
    times: Times
    metrics_token: str | None
    proxies: int
    workers: int
    development: bool

    @property
    def https(self) -> bool:
        """Whether people reach the program over https; decides the cookie's name and flags."""
        return self.public_url.startswith("https://")

    @property
    def public_host(self) -> str:
        """The host name (no port) that people use."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def public_is_private(self) -> bool:
        """Whether the public URL cannot be reached from outside: loopback, private or a bare name."""
        host = self.public_host
        try:
            return not ipaddress.ip_address(host).is_global
        except ValueError:
            return "." not in host or host.endswith((".localhost", ".local", ".internal"))

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read every setting. Raises SettingsError for the first one that is wrong."""
        env = os.environ if environ is None else environ
        instance = Path(env.get("TIDINGS_INSTANCE") or "instance").expanduser().absolute()
        database_url = _database_url(env, "DATABASE_URL")
        owner_url = _database_url(env, "DATABASE_OWNER_URL")
        if owner_url and not database_url:
            raise SettingsError("DATABASE_OWNER_URL is set but DATABASE_URL is not; set both or neither.")
        practice = _flag(env, "TIDINGS_PRACTICE", default=database_url is None)
        practice_bind = _address(env, "TIDINGS_PRACTICE_BIND", "127.0.0.1:8010")
        bind = _address(env, "TIDINGS_BIND", "127.0.0.1:8000")
        if practice and bind == practice_bind:
            raise SettingsError("TIDINGS_PRACTICE_BIND must be another address than TIDINGS_BIND.")
        gateway_url = _url(env, "TIDINGS_GATEWAY_URL", REAL_GATEWAY)
        allow_http = _flag(env, "TIDINGS_ALLOW_HTTP", default=False)
        public_url = _url(env, "TIDINGS_PUBLIC_URL", f"http://{bind}")
        return cls(
            instance=instance,
            bind=bind,
            public_url=_checked_public_url(public_url, allow_http=allow_http),
            gateway_url=gateway_url,
            gateways=_gateways(env, gateway_url, practice_bind if practice else None),
            practice=practice,
            practice_bind=practice_bind,
            database_url=database_url,
            database_owner_url=owner_url,
            secret_key=_secret_key(env),
            keys_file=Path(env.get("TIDINGS_KEYS_FILE") or instance / "keys").absolute(),
            allow_http=allow_http,
            signup=_choice(env, "TIDINGS_SIGNUP", ("open", "invite"), "invite" if database_url else "open"),
            mail_url=_mail_url(env),
            times=Times.parse(env.get("TIDINGS_TIMES", "")),
            metrics_token=env.get("TIDINGS_METRICS_TOKEN") or None,
            proxies=_count(env, "TIDINGS_PROXIES", 0, most=5),
            workers=_count(env, "TIDINGS_WORKERS", 2, least=1, most=64),
            development=_flag(env, "TIDINGS_DEVELOPMENT", default=False),
        )

    def make_secret_key(self) -> str:
        """The key that signs cookies: the setting, else one made on first start in the instance folder.

        Raises SettingsError where it can be neither read nor made.
        """
        if self.secret_key:
            return self.secret_key
        path = self.instance / "secret_key"
        try:
            if not path.exists():
                _create_private(path, secrets.token_urlsafe(48))
            key = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it holds no text"
            raise SettingsError(f"The key file {path} cannot be used: {reason}.") from error
        if len(key) < SHORTEST_KEY:
            raise SettingsError(
                f"The key file {path} holds no whole key. Remove it (a new one is made, and everybody has to "
                "sign in again), or set TIDINGS_SECRET_KEY."
            )
        return key


def _create_private(path: Path, text: str) -> None:
    """Write aside, then link into place: nobody can read half a key, and the first of several wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = env.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"1", "on", "yes", "true"}:
        return True
    if text in {"0", "off", "no", "false"}:
        return False
    raise SettingsError(f"{name} must be on or off, not {text!r}.")


def _count(env: Mapping[str, str], name: str, default: int, *, least: int = 0, most: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
        raise SettingsError(f"{name} must be a whole number from {least} to {most}, not {text!r}.")
    return int(text)


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    text = env.get(name, "").strip().lower() or default
    if text not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {text!r}.")
    return text


def _address(env: Mapping[str, str], name: str, default: str) -> Address:
    text = env.get(name, "").strip() or default
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f"{name} must look like 127.0.0.1:8000, not {text!r}.")
    return Address(host, int(port))


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    text = (env.get(name, "").strip() or default).rstrip("/")
    return _checked_url(name, text)


def _checked_url(name: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid or parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(f"{name} must be an http(s) address without a user or a query, not {text!r}.")
    return text


def _checked_public_url(text: str, *, allow_http: bool) -> str:
    parts = urlsplit(text)
    if parts.path:
        raise SettingsError("TIDINGS_PUBLIC_URL must have no path: Tidings is served at the root of a host.")
    loopback = parts.hostname in {"localhost", "127.0.0.1", "::1"}
    if parts.scheme == "http" and not loopback and not allow_http:
        raise SettingsError(
            "TIDINGS_PUBLIC_URL is plain http: passwords could be read on the way. "
            "Use https, or set TIDINGS_ALLOW_HTTP=1 if your network is trusted."
        )
    return text


def _gateways(env: Mapping[str, str], main: str, practice: Address | None) -> dict[str, str]:
    gateways = {"main": main}
    for entry in filter(None, (piece.strip() for piece in env.get("TIDINGS_GATEWAYS", "").split(","))):
        key, separator, url = entry.partition("=")
        if not separator or not key.isidentifier() or key in {"main", "practice"}:
            raise SettingsError(
                "TIDINGS_GATEWAYS must look like second=http://host/path,third=…; "
                f"{entry.split('=')[0]!r} cannot be used as a name."
            )
        gateways[key] = _checked_url("TIDINGS_GATEWAYS", url.rstrip("/"))
    if practice is not None:
        gateways["practice"] = f"http://{practice}{PRACTICE_PATH}"
    return gateways


def _database_url(env: Mapping[str, str], name: str) -> str | None:
    text = env.get(name, "").strip()
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in {"postgresql", "postgres", "postgresql+psycopg"}:
        raise SettingsError(f"{name} must begin with postgresql:// (PostgreSQL 15 or newer).")
    if not DATABASE_PLACE.fullmatch(rest):
        raise SettingsError(f"{name} must look like postgresql://role:password@host:5432/database.")
    return f"postgresql+psycopg://{rest}"


def _secret_key(env: Mapping[str, str]) -> str | None:
    key = env.get("TIDINGS_SECRET_KEY") or None
    if key is not None and len(key) < SHORTEST_KEY:
        raise SettingsError(f"TIDINGS_SECRET_KEY must have at least {SHORTEST_KEY} characters.")
    return key


def _mail_url(env: Mapping[str, str]) -> str | None:
    text = env.get("MAIL_URL", "").strip()
    if not text:
        return None
    if urlsplit(text).scheme not in {"smtp", "smtps"}:
        raise SettingsError("MAIL_URL must begin with smtp:// or smtps://.")
    return text


def settings_of(app: Flask) -> Settings:
    """The settings that this application was made with."""
    settings = app.extensions["tidings_settings"]
    if not isinstance(settings, Settings):
        raise TypeError("the application was not made by build()")
    return settings
