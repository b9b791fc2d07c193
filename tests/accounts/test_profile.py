"""Profile, language, theme, and changing the password."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, sign_in, sign_up
from tests.conftest import Database

NEW_PASSWORD = "nine paper boats under the bridge"


def test_language_and_theme_work_before_signing_in(client: FlaskClient) -> None:
    answer = client.post("/theme", data={"theme": "dark", "next": "/login?next=/me"})
    assert answer.headers["Location"] == "/login?next=/me"
    client.post("/language", data={"language": "zh"})
    page = client.get("/login").text
    assert 'data-theme="dark"' in page
    assert 'lang="zh-Hans"' in page


def test_they_are_kept_with_the_account(client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    client.post("/theme", data={"theme": "dark"})
    client.post("/language", data={"language": "zh"})
    with database.owner() as owner:
        assert owner.execute("SELECT language, theme FROM app_user").fetchall() == [("zh", "dark")]
    client.post("/logout")
    for cookie in ("lang", "theme"):
        client.delete_cookie(cookie)
    assert 'data-theme="system"' in client.get("/login").text
    sign_in(client, "lin@example.com")
    page = client.get("/me").text
    assert 'data-theme="dark"' in page
    assert '<html lang="zh-Hans"' in page


@pytest.mark.parametrize("value", ["", "fr", "EN", "zh' --", "x" * 1000])
def test_others_are_refused(client: FlaskClient, value: str, database: Database) -> None:
    sign_up(client, "lin@example.com")
    assert client.post("/language", data={"language": value}).status_code == 400
    assert client.post("/theme", data={"theme": value}).status_code == 400
    with database.owner() as owner:
        assert owner.execute("SELECT language, theme FROM app_user").fetchall() == [("en", None)]


@pytest.mark.parametrize(
    ("present", "wanted", "words"),
    [
        ("", NEW_PASSWORD, "Enter the password"),
        ("wrong wrong wrong", NEW_PASSWORD, "This is not your present password"),
        (PASSWORD, "", "Enter the password"),
        (PASSWORD, "short", "at least 12 characters"),
        (PASSWORD, "password1234", "Too many people"),
        (PASSWORD, "Green Tea 12345", "name with a few characters"),
        (PASSWORD, "lin@example.com!", "name with a few characters"),
        (PASSWORD, "灯" * 400, "at most 1,024 bytes"),
        ("x" * 2_000, NEW_PASSWORD, "This is not your present password"),
    ],
)
def test_a_password_change_is_refused_with_words(
    client: FlaskClient, present: str, wanted: str, words: str
) -> None:
    sign_up(client, "lin@example.com")
    client.post("/teams/new", data={"name": "Green Tea"})
    answer = client.post("/me/password", data={"present": present, "password": wanted})
    assert answer.status_code == 422
    assert words in answer.text
    client.post("/logout")
    assert sign_in(client, "lin@example.com").status_code == 303


def test_the_present_password_is_not_guessed_there_either(client: FlaskClient, database: Database) -> None:
    sign_up(client, "lin@example.com")
    data = {"present": "wrong wrong wrong", "password": NEW_PASSWORD}
    answers = [client.post("/me/password", data=data).status_code for _ in range(11)]
    assert answers == [422] * 10 + [429]
    with database.owner() as owner:
        counted = owner.execute("SELECT count(*) FROM access_entry WHERE event = 'password_change_refused'")
        assert counted.fetchone() == (10,)


def test_a_password_is_never_printed_back(client: FlaskClient) -> None:
    sign_up(client, "lin@example.com")
    data = {"present": "a wrong one of mine", "password": NEW_PASSWORD}
    page = client.post("/me/password", data=data).text
    assert "a wrong one of mine" not in page
    assert NEW_PASSWORD not in page
