"""Callback addresses: where a gateway posts its reports. One per account, valid for years.

The gateway signs nothing, so the token in the address is all that tells a report from a forgery: 160 random
bits, looked up by their hash.
"""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
from urllib.parse import urlsplit

from webapp.settings import Settings

TOKEN_BYTES = 20


def new_token() -> str:
    """160 random bits, safe in an address."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """What a token is looked up by: its SHA-256."""
    return hashlib.sha256(token.encode()).digest()


def callback_url(settings: Settings, token: str, *, practice: bool) -> str:
    """The whole address for a token. The practice gateway runs beside us and posts to this machine only."""
    base = _local_base(settings) if practice else settings.public_url
    return f"{base}/r/{token}"


def _local_base(settings: Settings) -> str:
    public = urlsplit(settings.public_url)
    if public.scheme == "http" and _is_loopback(public.hostname or ""):
        return settings.public_url
    host = settings.bind.host
    # A server bound to every address answers on loopback too.
    host = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 # compared, not bound to
    return f"http://[{host}]:{settings.bind.port}" if ":" in host else f"http://{host}:{settings.bind.port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
