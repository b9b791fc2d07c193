"""Which passwords are taken, and how they are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask_babel import Babel

from webapp.accounts import passwords
from webapp.errors import DomainError


@pytest.fixture(autouse=True)
def _words() -> Iterator[None]:
    """Sentences need a request to know the language of."""
    app = Flask("words")
    Babel(app)
    with app.test_request_context():
        yield


def refused(password: str, context: tuple[str, ...] = ()) -> str:
    """The sentence with which it is refused."""
    with pytest.raises(DomainError) as refusal:
        passwords.check_password(password, context)
    assert refusal.value.field == "password"
    return str(refusal.value.message)


@pytest.mark.parametrize(
    "password",
    [
        "seven green lanterns by the river",
        "correct horse battery stapler",
        "七盏绿灯笼挂在河边的老树上",
        "🦊🦊🦉 night train to the sea, " * 4,
        "            x            y",
        "0123456789a0",
    ],
)
def test_a_pass_phrase_of_any_kind_is_taken_and_works(password: str) -> None:
    passwords.check_password(password, ["lin@example.com", "Green Tea"])
    kept = passwords.hash_password(password)
    assert passwords.verify_password(kept, password)
    assert not passwords.verify_password(kept, password + "x")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password1234",
        "qwertyuiop123",
        "123456789012",
        "iloveyou1234",
        "woaini1314520",
        "aaaaaaaaaaaa",
        "abcabcabcabcab",
        "1q2w3e4r5t6y",
        "P@ssw0rd1234",
        "............",
    ],
)
def test_what_everybody_uses_is_refused(password: str) -> None:
    assert "Too many people" in refused(password)


@pytest.mark.parametrize(
    ("password", "context"),
    [
        ("lin.wei12345", ("lin.wei@example.com",)),
        ("LinWei-2026-2026", ("lin.wei@example.com",)),
        ("lin.wei@example.com", ("lin.wei@example.com",)),
        ("green tea 1234", ("lin@example.com", "Green Tea")),
        ("青禾茶123456789", ("lin@example.com", "青禾茶")),
        ("Tidings!12345", ()),
    ],
)
def test_ones_own_name_with_digits_is_refused(password: str, context: tuple[str, ...]) -> None:
    assert "name with a few characters" in refused(password, context)


def test_a_sentence_that_holds_ones_name_is_taken() -> None:
    passwords.check_password("lin walked to the berlin market", ["lin@example.com", "Market"])


def test_too_short_and_too_long_are_sentences() -> None:
    assert "at least 12" in refused("elevenchars")
    assert "1,024 bytes" in refused("a9 " * 700)
    assert "1,024 bytes" in refused("灯" * 342)
    passwords.check_password("灯笼" * 170 + "x", [])


def test_a_password_beyond_the_limit_is_wrong_not_an_error() -> None:
    kept = passwords.hash_password("seven green lanterns by the river")
    assert not passwords.verify_password(kept, "x" * 2_000)
    assert not passwords.verify_password(None, "x" * 2_000)
    with pytest.raises(ValueError, match="refuses"):
        passwords.hash_password("x" * 2_000)


def test_nobody_has_no_password() -> None:
    assert not passwords.verify_password(None, "the password of nobody")
    assert not passwords.verify_password("not a hash", "seven green lanterns")


def test_how_a_keyboard_composes_a_letter_does_not_matter() -> None:
    kept = passwords.hash_password("caf\u00e9 by the river side")
    assert passwords.verify_password(kept, "cafe\u0301 by the river side")


def test_the_hash_is_argon2id_at_the_stated_cost_and_an_older_one_is_noticed() -> None:
    kept = passwords.hash_password("seven green lanterns")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.needs_rehash(kept)
    assert passwords.needs_rehash(PasswordHasher(memory_cost=8192, time_cost=1, parallelism=1).hash("x"))


def test_a_third_at_once_is_told_to_wait_and_a_place_is_free_again_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "WAIT_SECONDS", 0.01)
    with passwords._Slot(), passwords._Slot(), pytest.raises(passwords.TooBusy):
        passwords.hash_password("seven green lanterns")
    assert passwords.hash_password("seven green lanterns")


def test_the_shipped_list_is_long_enough_and_holds_only_what_could_be_chosen() -> None:
    shipped = passwords.common_passwords()
    assert len(shipped) >= 3_000
    assert all(len(password) >= passwords.SHORTEST for password in shipped)
    assert not any(password.startswith("#") for password in shipped)
