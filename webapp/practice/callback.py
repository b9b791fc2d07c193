"""Callback addresses: which ones may be registered, and how a report is written down.

The check needs no name look-up, since a name can be made to point anywhere between the check and the
connection: only addresses that are loopback by their spelling pass, `localhost` is connected to as
127.0.0.1 or ::1 without asking anybody, and a host beyond that must have been named on the command line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

_URL = re.compile(r"http://(\[::1\]|[0-9A-Za-z._-]{1,253})(?::([0-9]{1,5}))?(/[!-~]{0,1000})?", re.ASCII)
_LOOPBACK = re.compile(r"127(\.(0|[1-9][0-9]{0,2})){3}")
_CHINA = timezone(timedelta(hours=8))
_SEPARATORS = {"several": "&", "lines": "\n", "semicolons": ";"}
GROUP = 20


class CallbackError(ValueError):
    """The address may not be registered; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Callback:
    """Where reports are posted: hosts to try in order, port, the value of the Host header, and the path."""

    hosts: tuple[str, ...]
    port: int
    host_header: str
    path: str


def read_callback(url: str, allowed_hosts: frozenset[str] = frozenset()) -> Callback:
    """Check an address; raises CallbackError."""
    match = _URL.fullmatch(url)
    if match is None:
        raise CallbackError("A callback address looks like http://127.0.0.1:8000/r/token.")
    host, port_text, path = match[1], match[2], match[3] or "/"
    port = int(port_text or 80)
    if not 0 < port < 65536 or "#" in path:
        raise CallbackError("A callback address looks like http://127.0.0.1:8000/r/token.")
    header = f"{host}:{port_text}" if port_text else host
    if host == "[::1]":
        hosts: tuple[str, ...] = ("::1",)
    elif host.lower() == "localhost":
        hosts = ("127.0.0.1", "::1")
    elif (
        _LOOPBACK.fullmatch(host) and all(int(part) < 256 for part in host.split("."))
    ) or host in allowed_hosts:
        hosts = (host,)
    else:
        raise CallbackError(
            "The practice gateway posts reports to this computer only; "
            "another host must be allowed with --allow-callback-host when it is started."
        )
    return Callback(hosts, port, header, path)


@dataclass(frozen=True, slots=True)
class Spelled:
    """The body of a callback request and the header lines that go with it."""

    body: bytes
    headers: str


def spell(reports: list[tuple[str, str, str, int]], spelling: tuple[str, ...]) -> Spelled:
    """Write reports (msgid, mobile, word, Unix seconds) as one body in a spelling of `dial.SPELLINGS`."""
    if not spelling:
        return Spelled("&".join(f"Report={m},{n},{w},{t}" for m, n, w, t in reports).encode(), "")
    texts = [_text(report, spelling) for report in reports]
    separator = next((_SEPARATORS[word] for word in spelling if word in _SEPARATORS), "&")
    body = separator.join(texts).encode()
    headers = "Content-Type: application/x-www-form-urlencoded\r\n" if "form" in spelling else ""
    if "gzip" in spelling:
        import gzip  # rarely wanted, and the program is to be small

        body = gzip.compress(body, 1, mtime=0)
        headers += "Content-Encoding: gzip\r\n"
    return Spelled(body, headers)


def group_size(spelling: tuple[str, ...]) -> int:
    """How many reports go into one body at most."""
    return GROUP if any(word in _SEPARATORS for word in spelling) else 1


def _text(report: tuple[str, str, str, int], spelling: tuple[str, ...]) -> str:
    msgid, mobile, word, stamp = report
    if "plus86" in spelling:
        mobile = f"+86{mobile}"
    time = str(stamp)
    if "milliseconds" in spelling:
        time = f"{stamp}000"
    elif "text_time" in spelling:
        time = datetime.fromtimestamp(stamp, UTC).astimezone(_CHINA).strftime("%Y-%m-%d %H:%M:%S")
    value = f"{msgid},{mobile},{word},{time}"
    if "percent" in spelling:
        for sign in ",:+ ":
            value = value.replace(sign, f"%{ord(sign):02X}")
    return f"Report={value}"
