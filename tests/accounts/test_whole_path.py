"""Sign up, see the team, sign out, sign in: the path of every newcomer."""

from __future__ import annotations

from flask.testing import FlaskClient

from tests.accounts.people import PASSWORD, sign_in, sign_up


def test_a_newcomer_gets_a_team_and_comes_back_to_it(client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    page = client.get(f"{home}settings/general")
    assert page.status_code == 200
    assert "lin&#39;s team" in page.text
    assert client.post("/logout").status_code == 303
    assert client.get(f"{home}settings/general").headers["Location"].startswith("/login?next=")
    answer = sign_in(client, "LIN@example.com ", PASSWORD)
    assert answer.status_code == 303
    assert client.get("/").headers["Location"] == home
    assert client.get(f"{home}settings/general").status_code == 200


def test_where_one_was_going_is_kept_through_sign_in(client: FlaskClient) -> None:
    home = sign_up(client, "lin@example.com")
    client.post("/logout")
    place = client.get(f"{home}settings/general?a=1").headers["Location"]
    form = client.get(place)
    assert f'name="next" value="{home}settings/general?a=1"' in form.text
    answer = sign_in(client, "lin@example.com", PASSWORD, next=f"{home}settings/general?a=1")
    assert answer.headers["Location"] == f"{home}settings/general?a=1"
