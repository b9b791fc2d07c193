"""No spelling of a secret stays in an answer that is kept."""

import base64
import html
import json
import urllib.parse

import pytest

from webapp.gateway.scrubbing import scrub
from webapp.sealing import Secret

UID, PWD = "用户<10086>", 'p"ä/s s&w+ö'


@pytest.mark.parametrize("secret", [UID, PWD])
@pytest.mark.parametrize(
    "spell",
    [
        lambda s: s.encode(),
        lambda s: json.dumps(s).encode(),
        lambda s: json.dumps(s).replace("/", "\\/").encode(),
        lambda s: json.dumps(s, ensure_ascii=False).encode(),
        lambda s: html.escape(s).encode(),
        lambda s: urllib.parse.quote(s).encode(),
        lambda s: urllib.parse.quote(s, safe="").encode(),
        lambda s: urllib.parse.urlencode({"x": s}).encode(),
        lambda s: base64.b64encode(s.encode()),
    ],
    ids=["plain", "json", "json slash", "json utf8", "html", "quote", "quote all", "form", "base64"],
)
def test_each_spelling_is_masked(secret: str, spell: object) -> None:
    assert callable(spell)
    echo = spell(secret)
    kept = scrub(b"<p>you said " + echo + b"</p>", Secret(UID), Secret(PWD))
    assert kept.startswith(b"<p>you said ")
    assert b"***" in kept
    assert echo not in kept


def test_a_secret_across_the_cut_leaves_no_half() -> None:
    kept = scrub(b"x" * 4090 + b"login password" + b"y" * 100, Secret("10086"), Secret("login password"))
    assert len(kept) == 4096
    assert kept == b"x" * 4090 + b"***yyy"


def test_a_uid_within_a_password_does_not_leave_the_rest() -> None:
    assert scrub(b"10086secret 10086", Secret("10086"), Secret("10086secret")) == b"*** ***"


def test_empty_secrets_mask_nothing() -> None:
    assert scrub(b"abc", Secret(""), Secret("")) == b"abc"
