"""What backup and restore refuse, with a sentence, and that nothing was changed then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person
from tests.practice.fixture import PracticeGateway
from webapp import schema
from webapp.connections import conninfo
from webapp.keeping import KeepingError, archive
from webapp.keeping.backup import back_up
from webapp.keeping.restore import restore
from webapp.sealing import KeyRing
from webapp.settings import Settings


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def backup(
    app: Flask, alice: Person, practice: PracticeGateway, empty: Database, file: Path, ring: KeyRing
) -> Path:
    """A backup of a team with a gateway account."""
    connect_practice(app, alice, practice)
    back_up(conninfo(empty.owner_url), file, ring)
    return file


def tables(database: Database) -> int:
    with database.owner() as owner:
        (row,) = owner.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return int(row[0])


def teams(database: Database) -> list[str]:
    with database.owner() as owner:
        return [name for (name,) in owner.execute("SELECT name FROM team ORDER BY name")]


def with_manifest(file: Path, **changes: Any) -> None:
    """The same file with another manifest."""
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    said = json.loads(members[archive.MANIFEST])
    said.update(changes)
    members[archive.MANIFEST] = json.dumps(said).encode()
    with zipfile.ZipFile(file, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)


def with_rows(file: Path, table: str, content: bytes) -> None:
    """The same file with other rows of a table."""
    with zipfile.ZipFile(file) as old:
        members = {name: old.read(name) for name in old.namelist()}
    members[f"tables/{table}.copy"] = content
    with zipfile.ZipFile(file, "w") as new:
        for name, changed in members.items():
            new.writestr(name, changed)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def write_text(file: Path) -> None:
    file.write_text("-- a dump\n")


def flip(file: Path) -> None:
    """One byte of a table's rows is another one, as after a bad disk."""
    with zipfile.ZipFile(file) as archived:
        member = archived.getinfo("tables/audit_entry.copy")
    content = bytearray(file.read_bytes())
    content[member.header_offset + len(member.filename) + 60] ^= 0xFF
    file.write_bytes(content)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "empty": (lambda file: os.truncate(file, 0), "no whole backup"),
    "text": (write_text, "no whole backup"),
    "cut short": (cut_short, "no whole backup"),
    "another zip": (lambda file: with_manifest(file, kind="photos"), "no backup of Tidings"),
    "no manifest": (lambda file: zipfile.ZipFile(file, "w").close(), "no backup of Tidings"),
    "a newer form": (lambda file: with_manifest(file, format=2, tidings="9.1"), r"newer Tidings \(9\.1\)"),
    "a newer version": (
        lambda file: with_manifest(file, revision="0099", tidings="3.0"), r"Tidings 3\.0, which is newer",
    ),
    "tables that are none": (lambda file: with_manifest(file, tables={}), "not those of revision"),
    "tables that are no tables": (lambda file: with_manifest(file, tables=7), "manifest .* is damaged"),
    "a byte": (flip, "damaged"),
    "rows too few": (lambda file: with_rows(file, "audit_entry", b""), "has 0 rows and should have"),
    "rows of another kind": (lambda file: with_rows(file, "team", b"x\ty\n"), "damaged"),
    "a partition of our own": (
        lambda file: with_manifest(file, partitions={'m"; DROP TABLE team; --': ["a", 1]}), "damaged",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_is_no_whole_backup_changes_nothing(
    backup: Path, elsewhere: Database, ring: KeyRing, damage: str
) -> None:
    spoil, sentence = DAMAGES[damage]
    spoil(backup)
    with pytest.raises(KeepingError, match=sentence) as refused:
        restore(elsewhere.owner_url, elsewhere.program_url, backup, ring)
    assert "Nothing was changed." in str(refused.value)
    assert tables(elsewhere) == 0


def test_a_file_that_is_not_there(elsewhere: Database, file: Path) -> None:
    with pytest.raises(KeepingError, match="cannot be read: No such file"):
        restore(elsewhere.owner_url, elsewhere.program_url, file, None)
    with pytest.raises(KeepingError, match="cannot be read: Is a directory"):
        restore(elsewhere.owner_url, elsewhere.program_url, file.parent, None)


@pytest.mark.parametrize("here", ["none", "another"])
def test_without_the_keys_nothing_is_restored(
    backup: Path, elsewhere: Database, ring: KeyRing, here: str
) -> None:
    other = KeyRing((Fernet.generate_key(),)) if here == "another" else None
    with pytest.raises(KeepingError, match="is not in the key file") as refused:
        restore(elsewhere.owner_url, elsewhere.program_url, backup, other)
    assert archive.Reader(backup).manifest.keys[0] in str(refused.value)
    assert tables(elsewhere) == 0
    both = KeyRing((Fernet.generate_key(), *ring.keys), ring.numbers)
    assert restore(elsewhere.owner_url, elsewhere.program_url, backup, both).paused == 0


def test_no_key_stands_in_the_file(backup: Path, ring: KeyRing) -> None:
    with zipfile.ZipFile(backup) as archived:
        content = b"".join(archived.read(name) for name in archived.namelist())
    for key in (*ring.keys, ring.numbers, ring.names):
        assert key not in content
    assert b"secret-pwd" not in content


def test_erased_opt_outs_need_the_key_of_their_numbers(
    alice: Person, empty: Database, elsewhere: Database, file: Path, ring: KeyRing
) -> None:
    with empty.owner() as owner:
        owner.execute(
            "INSERT INTO erased_opt_out (team_id, hash, opted_out_at, how) VALUES (%s, %s, now(), 'hand')",
            (alice.team_id, bytes(32)),
        )
    back_up(conninfo(empty.owner_url), file, ring)
    with pytest.raises(KeepingError, match="“numbers:”"):
        restore(elsewhere.owner_url, elsewhere.program_url, file, KeyRing(ring.keys, bytes(32)))
    restore(elsewhere.owner_url, elsewhere.program_url, file, ring)


def test_a_database_in_use_is_kept_unless_it_is_to_go(
    backup: Path, elsewhere: Database, ring: KeyRing
) -> None:
    schema.upgrade(elsewhere.owner_url, elsewhere.program_url)
    with elsewhere.owner() as owner:
        owner.execute(
            "INSERT INTO team (id, address, name, created_at) VALUES (5, 'abcdefgh', 'Theirs', now())"
        )
    with pytest.raises(KeepingError, match="in use: it has 1 teams and 0 people"):
        restore(elsewhere.owner_url, elsewhere.program_url, backup, ring)
    assert teams(elsewhere) == ["Theirs"]
    flip(backup)
    with pytest.raises(KeepingError, match="damaged"):
        restore(elsewhere.owner_url, elsewhere.program_url, backup, ring, replace=True)
    assert teams(elsewhere) == ["Theirs"]
    flip(backup)
    restore(elsewhere.owner_url, elsewhere.program_url, backup, ring, replace=True)
    assert teams(elsewhere) == ["alice's team"]


def test_a_freshly_made_database_is_taken(backup: Path, elsewhere: Database, ring: KeyRing) -> None:
    schema.upgrade(elsewhere.owner_url, elsewhere.program_url)
    restore(elsewhere.owner_url, elsewhere.program_url, backup, ring)
    assert teams(elsewhere) == ["alice's team"]


def test_a_running_program_is_not_pulled_from_under(backup: Path, elsewhere: Database, ring: KeyRing) -> None:
    with (
        psycopg.connect(conninfo(elsewhere.program_url)),
        pytest.raises(KeepingError, match="is running on this database"),
    ):
        restore(elsewhere.owner_url, elsewhere.program_url, backup, ring)
    assert tables(elsewhere) == 0


def test_a_backup_overwrites_nothing(backup: Path, empty: Database, ring: KeyRing) -> None:
    before = backup.read_bytes()
    with pytest.raises(KeepingError, match="is not overwritten"):
        back_up(conninfo(empty.owner_url), backup, ring)
    assert backup.read_bytes() == before
    link = backup.with_name("link")
    link.symlink_to(backup.with_name("nowhere"))
    with pytest.raises(KeepingError, match="is not overwritten"):
        back_up(conninfo(empty.owner_url), link, ring)


def test_a_full_disk_leaves_nothing(
    empty: Database, file: Path, ring: KeyRing, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_ignored: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive.os, "fsync", full)  # type: ignore[attr-defined] # the module that it uses
    with pytest.raises(KeepingError, match=r"No space left on device\. Nothing is left of it\."):
        back_up(conninfo(empty.owner_url), file, ring)
    assert list(file.parent.iterdir()) == []


def test_the_commands_say_what_they_did(
    app: Flask,
    alice: Person,
    practice: PracticeGateway,
    empty: Database,
    elsewhere: Database,
    settings: Settings,
    file: Path,
    tmp_path: Path,
) -> None:
    connect_practice(app, alice, practice)
    said = run(empty, settings.instance, "backup", str(file))
    assert said.returncode == 0, said.stderr
    assert "mode 600" in said.stdout
    assert f"NOT in it:\n  the keys that seal gateway credentials: {settings.keys_file}" in said.stdout
    assert str(settings.instance / "secret_key") in said.stdout
    nowhere = run(empty, settings.instance, "backup", str(tmp_path / "no" / "file"))
    assert (nowhere.returncode, "cannot be written: No such file" in nowhere.stderr) == (1, True)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    refused = run(elsewhere, fresh, "restore", str(file))
    assert (refused.returncode, "TIDINGS_KEYS_FILE" in refused.stderr) == (1, True)
    shutil.copy2(settings.keys_file, fresh / "keys")
    done = run(elsewhere, fresh, "restore", str(file))
    assert done.returncode == 0, done.stderr
    assert "gateway_account                        1               1" in done.stdout
    assert "until a person resumes or stops them: 0" in done.stdout
    rotated = run(elsewhere, fresh, "rotate-keys")
    assert (rotated.returncode, "A new key" in rotated.stdout) == (0, True), rotated.stderr
    early = run(elsewhere, fresh, "rotate-keys", "--forget")
    assert (early.returncode, "Try again in 120 seconds" in early.stderr) == (1, True)


@pytest.mark.parametrize(
    ("there", "said"),
    [(True, "There are no tables of Tidings in this database"), (False, "The database cannot be used")],
)
def test_a_database_that_is_none_is_said_in_a_sentence(
    elsewhere: Database, file: Path, tmp_path: Path, there: bool, said: str
) -> None:
    if not there:
        url = "postgresql://a:b@127.0.0.1:1/none"
        elsewhere = Database(url, url.replace("a:", "c:"), url)
    ended = run(elsewhere, tmp_path / "instance", "backup", str(file))
    assert (ended.returncode, said in ended.stderr) == (1, True), ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(file.parent.iterdir()) == []


def run(database: Database, instance: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, **database.environ(), "TIDINGS_INSTANCE": str(instance)}
    ended = subprocess.run(
        [sys.executable, "-m", "webapp", *command], env=environ, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended
