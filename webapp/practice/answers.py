"""The answers' bodies: the gateway's own two shapes, and what comes instead when something is broken."""

from __future__ import annotations

import json

REASONS = {
    "1": "uid or pwd is empty or wrong",
    "2": "mobile is empty or wrong",
    "3": "content is empty",
    "4": "content is too long",
    "5": "balance is insufficient",
    "6": "more than 5000 mobile numbers",
    "7": "failed to send",
    "8": "account is frozen",
}
ERROR_PAGE = b"<!DOCTYPE html><html><head><title>System error</title></head><body><h1>:(</h1></body></html>"
STATUSES = {"http500": 500, "http503": 503, "http401": 401, "http403": 403, "http404": 404, "redirect": 302}
HTML = "text/html; charset=utf-8"


def success(message: str, msgid: str) -> bytes:
    """The body of an answer with code 0."""
    return _json({"status": "success", "respCode": "0", "respMsg": message, "msgid": msgid})


def refusal(code: str, reason: str = "") -> bytes:
    """The body of an answer with an error code."""
    reason = reason or REASONS.get(code, "unknown error")
    return _json({"status": "error", "respCode": code, "respMsg": reason, "msgid": ""})


def _json(values: dict[str, str]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


def odd_answer(base: str, plain: bytes) -> tuple[bytes, int, str, str]:
    """Body, status, content type and header lines for a kind that answers with something but `plain`."""
    if base in STATUSES:
        headers = "Location: /Admin/index.php/Public/login\r\n" if base == "redirect" else ""
        return ERROR_PAGE, STATUSES[base], HTML, headers
    if base.startswith("code"):
        return refusal(base[4:]), 200, HTML, ""
    bodies = {
        "no_msgid": success("send success", ""),
        "no_code": b'{"status":"success"}',
        "duplicate_keys": b'{"respCode":"7",' + plain[1:],
        "false": b"false",
        "cut": plain[: len(plain) // 2],
        "html": ERROR_PAGE,
        "deep": b"[" * 100_000,
    }
    return bodies[base], 200, HTML, ""
