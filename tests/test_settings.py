"""A wrong setting stops the start with a sentence that names it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from webapp.settings import Settings, SettingsError, Times


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIDINGS_BIND", "8000"),
        ("TIDINGS_BIND", "127.0.0.1:99999"),
        ("TIDINGS_BIND", "127.0.0.1:٨"),
        ("TIDINGS_PRACTICE", "maybe"),
        ("TIDINGS_PUBLIC_URL", "ftp://x"),
        ("TIDINGS_PUBLIC_URL", "http://[::1"),
        ("TIDINGS_PUBLIC_URL", "http://tidings.example"),
        ("TIDINGS_PUBLIC_URL", "https://tidings.example/path"),
        ("TIDINGS_GATEWAY_URL", "http://user:pwd@gateway.example/"),
        ("TIDINGS_GATEWAYS", "main=http://x.example"),
        ("TIDINGS_GATEWAYS", "second"),
        ("TIDINGS_SIGNUP", "closed"),
        ("TIDINGS_TIMES", "lease=10"),
        ("TIDINGS_TIMES", "leese=300"),
        ("TIDINGS_TIMES", "lease=nan"),
        ("TIDINGS_TIMES", "connect=0"),
        ("TIDINGS_TIMES", "answer=-1"),
        ("TIDINGS_PRACTICE_BIND", "127.0.0.1:8000"),
        ("TIDINGS_SECRET_KEY", "short"),
        ("TIDINGS_TIMES", "dedup=300"),
        ("TIDINGS_TIMES", "start_by=20"),
        ("TIDINGS_WORKERS", "0"),
        ("TIDINGS_WORKERS", "9" * 5000),
        ("DATABASE_URL", "sqlite:///x.db"),
        ("DATABASE_URL", "postgresql://db.example/tidings"),
        ("DATABASE_URL", "postgresql://:secret@db.example/tidings"),
        ("DATABASE_URL", "postgresql://u:secret@db.example:port/tidings"),
        ("DATABASE_URL", "postgresql:///tidings?user=u"),
        ("DATABASE_OWNER_URL", "postgresql://x@y/z"),
        ("DATABASE_OWNER_URL", "postgresql://x/y"),
        ("MAIL_URL", "http://mail.example"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.from_environ({name: value})
    assert "Traceback" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_the_start_stops_with_that_sentence(tmp_path: Path) -> None:
    environ = {**os.environ, "TIDINGS_INSTANCE": str(tmp_path), "TIDINGS_BIND": "nowhere"}
    for command in ("up", "web", "worker", "doctor"):
        ended = subprocess.run(
            [sys.executable, "-m", "webapp", command], env=environ, capture_output=True, text=True, timeout=60
        )
        assert ended.returncode != 0
        assert "TIDINGS_BIND" in ended.stderr + ended.stdout
        assert "Traceback" not in ended.stderr


def test_an_instance_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {**os.environ, "TIDINGS_INSTANCE": str(tmp_path / "file" / "instance")}
    ended = subprocess.run(
        [sys.executable, "-m", "webapp", "up"], env=environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert "TIDINGS_INSTANCE" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_defaults() -> None:
    settings = Settings.from_environ({})
    assert settings.practice
    assert settings.signup == "open"
    assert settings.gateways["practice"].startswith("http://127.0.0.1:8010/")
    assert settings.public_is_private
    elsewhere = Settings.from_environ({"DATABASE_URL": "postgresql://u@h/d"})
    assert (elsewhere.practice, elsewhere.signup) == (False, "invite")


@pytest.mark.parametrize(
    "place",
    [
        "u@h", "u@h/d", "u:p@h:5432/d", "u:p#?/%40x@h/d", "u@/d?host=/run/x&port=5432",
        "u:p@[::1]:5432/d?sslmode=require",
    ],
)  # fmt: skip
def test_databases_that_can_be_used(place: str) -> None:
    url = Settings.from_environ({"DATABASE_URL": f"postgresql://{place}"}).database_url
    assert url == f"postgresql+psycopg://{place}"
    assert make_url(url).username == "u"


def test_times_are_read_and_checked_together() -> None:
    times = Times.parse("lease=7, call_limit=3,dedup=900, reaper=0.5")
    assert (times.lease, times.reaper) == (7, 0.5)
    with pytest.raises(SettingsError, match="lease"):
        Times.parse("lease=5,call_limit=3")


def test_the_secret_key_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings.from_environ({"TIDINGS_INSTANCE": str(tmp_path / "new")})
    key = settings.make_secret_key()
    assert key == settings.make_secret_key()
    assert (tmp_path / "new" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_nobody_reads_half_a_secret_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes start at once: each sees no key or a whole one, and all end with the same."""
    settings = Settings.from_environ({"TIDINGS_INSTANCE": str(tmp_path)})
    path = tmp_path / "secret_key"
    seen: list[str] = []
    wait = threading.Barrier(4)
    really_open = os.fdopen

    def slow_open(*arguments: Any, **named: Any) -> Any:
        """Between making the file and writing it: whoever looks now must not find an empty one."""
        if path.exists():
            seen.append(path.read_text())
        return really_open(*arguments, **named)

    def start() -> str:
        wait.wait(timeout=30)
        return settings.make_secret_key()

    monkeypatch.setattr(os, "fdopen", slow_open)
    with ThreadPoolExecutor(4) as pool:
        keys = {job.result() for job in [pool.submit(start) for _ in range(4)]}
    assert keys == {path.read_text()}
    assert set(seen) <= keys
    assert [left.name for left in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("content", [b"", b"  \n", b"short", b"\xff" * 64])
def test_a_secret_key_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secret_key").write_bytes(content)
    with pytest.raises(SettingsError, match="secret_key"):
        Settings.from_environ({"TIDINGS_INSTANCE": str(tmp_path)}).make_secret_key()


def test_a_secret_key_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="secret_key"):
        Settings.from_environ({"TIDINGS_INSTANCE": str(tmp_path / "file")}).make_secret_key()
