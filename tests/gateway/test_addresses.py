"""Callback addresses: random, found by hash, and never one that the gateway cannot reach."""

import pytest

from webapp.gateway.addresses import callback_url, new_token, token_hash
from webapp.settings import Settings


def settings(**environ: str) -> Settings:
    return Settings.from_environ({"TIDINGS_ALLOW_HTTP": "1", **environ})


def test_tokens_are_long_and_new_each_time() -> None:
    tokens = {new_token() for _ in range(1000)}
    assert len(tokens) == 1000
    assert min(map(len, tokens)) >= 27
    assert len(token_hash("x")) == 32


def test_a_real_gateway_gets_the_public_address() -> None:
    made = settings(TIDINGS_PUBLIC_URL="https://sms.example.com", TIDINGS_BIND="0.0.0.0:9000")
    assert callback_url(made, "t", practice=False) == "https://sms.example.com/r/t"


@pytest.mark.parametrize(
    ("public", "bind", "base"),
    [
        ("http://127.0.0.1:8000", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://localhost:7000", "0.0.0.0:8000", "http://localhost:7000"),
        ("https://sms.example.com", "127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://sms.example.com", "0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("https://sms.example.com", "[::1]:8000", "http://[::1]:8000"),
        ("http://192.168.1.5:8000", "0.0.0.0:8000", "http://127.0.0.1:8000"),
    ],
)
def test_the_practice_gateway_gets_one_on_this_machine(public: str, bind: str, base: str) -> None:
    made = settings(TIDINGS_PUBLIC_URL=public, TIDINGS_BIND=bind)
    assert callback_url(made, "t", practice=True) == f"{base}/r/t"
