"""Answers as they may be kept: with the secrets masked and short."""

import base64
import html
import json
import urllib.parse

from webapp.sealing import Secret

EXCERPT_LENGTH = 4096
MASK = b"***"


def scrub(body: bytes, uid: Secret, pwd: Secret) -> bytes:
    """The first 4 KiB of an answer, with uid and pwd masked in every spelling an echo could give them.

    The whole answer is masked before it is cut, so that no half of a secret stays at the edge.
    """
    spellings = _spellings(pwd.reveal()) | _spellings(uid.reveal())
    for spelling in sorted(spellings, key=len, reverse=True):
        body = body.replace(spelling, MASK)
    return body[:EXCERPT_LENGTH]


def _spellings(secret: str) -> set[bytes]:
    if not secret:
        return set()
    plain = secret.encode("utf-8", "surrogatepass")
    ascii_json = json.dumps(secret)[1:-1]
    texts = {
        ascii_json,
        ascii_json.replace("/", "\\/"),
        json.dumps(secret, ensure_ascii=False)[1:-1],
        html.escape(secret),
        urllib.parse.quote(plain, safe=""),
        urllib.parse.quote(plain),
        urllib.parse.quote_plus(plain),
    }
    spellings = {text.encode("utf-8", "surrogatepass") for text in texts}
    return spellings | {plain, base64.b64encode(plain), secret.encode("gb18030", "replace")}
