"""A wrong setting stops the start with a sentence that names it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
        ("TIDINGS_TIMES", "dedup=300"),
        ("TIDINGS_WORKERS", "0"),
        ("TIDINGS_WORKERS", "9" * 5000),
        ("DATABASE_URL", "sqlite:///x.db"),
        ("DATABASE_OWNER_URL", "postgresql://x/y"),
        ("MAIL_URL", "http://mail.example"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        Settings.from_environ({name: value})
    assert "Traceback" not in str(caught.value)


def test_the_start_stops_with_that_sentence(tmp_path: Path) -> None:
    environ = {**os.environ, "TIDINGS_INSTANCE": str(tmp_path), "TIDINGS_BIND": "nowhere"}
    for command in ("up", "web", "worker", "doctor"):
        ended = subprocess.run(
            [sys.executable, "-m", "webapp", command], env=environ, capture_output=True, text=True, timeout=60
        )
        assert ended.returncode != 0
        assert "TIDINGS_BIND" in ended.stderr + ended.stdout
        assert "Traceback" not in ended.stderr


def test_defaults() -> None:
    settings = Settings.from_environ({})
    assert settings.practice
    assert settings.signup == "open"
    assert settings.gateways["practice"].startswith("http://127.0.0.1:8010/")
    assert settings.public_is_private
    elsewhere = Settings.from_environ({"DATABASE_URL": "postgresql://u@h/d"})
    assert (elsewhere.practice, elsewhere.signup) == (False, "invite")


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
