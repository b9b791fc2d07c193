"""`python -m webapp create-user`: the first person where nobody can sign up by themselves."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import Database
from tests.factories import PASSWORD

Command = list[str]


def environ(database: Database, folder: Path) -> dict[str, str]:
    return {**os.environ, **database.environ(), "TIDINGS_INSTANCE": str(folder)}


def create(
    database: Database, folder: Path, typed: str | bytes, email: str = "Op@Example.org"
) -> tuple[int, str]:
    """The exit code, and everything that was said."""
    ended = subprocess.run(
        [sys.executable, "-m", "webapp", "create-user", email], env=environ(database, folder),
        input=typed.encode() if isinstance(typed, str) else typed, capture_output=True, timeout=60,
    )  # fmt: skip
    said = (ended.stdout + ended.stderr).decode()
    assert "Traceback" not in said, said
    return ended.returncode, said


def people(database: Database) -> int:
    with database.owner() as owner:
        row = owner.execute("SELECT count(*) FROM app_user").fetchone()
        assert row is not None
        return int(row[0])


def test_the_person_signs_in_to_a_team_of_their_own(app: Flask, empty: Database, tmp_path: Path) -> None:
    code, said = create(empty, tmp_path / "instance", f"{PASSWORD}\n")
    assert code == 0, said
    assert "op@example.org can sign in at http://" in said
    assert PASSWORD not in said
    browser = app.test_client()
    answer = browser.post("/login", data={"email": "op@example.org", "password": PASSWORD})
    assert answer.status_code == 303
    page = browser.get(answer.headers["Location"], follow_redirects=True)
    assert page.status_code == 200
    assert "op&#39;s team" in page.text
    with empty.owner() as owner:
        assert owner.execute("SELECT role FROM member").fetchall() == [("owner",)]
        assert owner.execute("SELECT event FROM access_entry ORDER BY at").fetchall()[0] == (
            "created_by_operator",
        )


@pytest.mark.parametrize(
    ("typed", "email", "words"),
    [
        ("", "op@example.org", "at least 12 characters"),
        ("short\n", "op@example.org", "at least 12 characters"),
        ("x" * 5000 + "\n", "op@example.org", "too long"),
        ("passwordpassword\n", "op@example.org", "Too many people"),
        (b"\xff\xfe" * 20 + b"\n", "op@example.org", "no text"),
        (f"{PASSWORD}\n", "nobody", "does not look like an email address"),
        (f"{PASSWORD}\n", "a@" + "b" * 300, "does not look like an email address"),
        (f"{PASSWORD}\n", "a\x01@example.org", "does not look like an email address"),
    ],
)
def test_what_cannot_be_is_said(
    empty: Database, tmp_path: Path, typed: str | bytes, email: str, words: str
) -> None:
    code, said = create(empty, tmp_path, typed, email)
    assert (code, people(empty)) == (1, 0)
    assert words in said


def test_nobody_is_made_twice(empty: Database, tmp_path: Path) -> None:
    assert create(empty, tmp_path, f"{PASSWORD}\n")[0] == 0
    code, said = create(empty, tmp_path, "another long pass-phrase 43\n", "OP@example.org ")
    assert (code, people(empty)) == (1, 1)
    assert "There is an account with this email address already." in said


@pytest.mark.parametrize(
    ("second", "code", "words"), [(PASSWORD, 0, "can sign in"), ("x", 1, "not the same")]
)
def test_on_a_terminal_it_is_asked_for_twice(
    empty: Database, tmp_path: Path, second: str, code: int, words: str
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp", "create-user", "op@example.org"], env=environ(empty, tmp_path),
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=lambda: os.login_tty(0) if hasattr(os, "login_tty") else None,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # the terminal closes with its last process
        for asked, typed in ((b"Password: ", PASSWORD), (b"Once more: ", second)):
            while asked not in said:
                said += os.read(ours, 1024)
            os.write(ours, f"{typed}\n".encode())
        while True:
            said += os.read(ours, 1024)
    os.close(ours)
    assert process.wait(timeout=60) == code
    assert words in said.decode()
    assert PASSWORD not in said.decode(), "it must not be shown while it is typed"
