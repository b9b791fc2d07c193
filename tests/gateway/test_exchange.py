"""The one question about a call that decides whether a person may be reached twice: can a byte have left?"""

from __future__ import annotations

import pytest

from webapp.gateway.exchange import Exchange, Kind

NOTHING = ("name_unknown", "refused", "unreachable", "connect_timeout", "tls_failed", "withheld")
SOMETHING = ("lost_after_send", "answer_timeout", "cut", "too_long", "garbled", "answered")


@pytest.mark.parametrize("kind", NOTHING)
def test_nothing_left(kind: str) -> None:
    assert Kind(kind).nothing_left is True


@pytest.mark.parametrize("kind", SOMETHING)
def test_something_may_have_left(kind: str) -> None:
    assert Kind(kind).nothing_left is False


def test_every_kind_is_one_or_the_other() -> None:
    assert sorted(Kind) == sorted((*NOTHING, *SOMETHING))


def test_a_body_is_never_shown_by_accident() -> None:
    exchange = Exchange(Kind.CUT, body=b"secret")
    assert (exchange.http_status, Exchange(Kind.CUT).body) == (None, b"")
    assert "secret" not in repr(exchange)
