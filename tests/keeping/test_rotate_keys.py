"""Changing keys: at once, cut short by a kill, under a running program, and only as far as keys are here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask

from tests.conftest import Database
from tests.factories import Person, connect_practice, make_person
from tests.practice.fixture import PracticeGateway, wait_until
from webapp import tenancy
from webapp.connections import conninfo
from webapp.gateway import operations as gateway
from webapp.gateway.credentials import open_credentials
from webapp.gateway.models import GatewayAccount
from webapp.keeping import KeepingError, rotate
from webapp.sealing import KeyRing, Secret, key_id_of, key_ids, number_hash, seal
from webapp.settings import Settings

# Rotates, and is stuck after its second transaction with the new key until it is killed.
STUCK = """
import pathlib, sys, time
from webapp.keeping import rotate
from webapp.sealing import KeyRing
keys_file, done = pathlib.Path(sys.argv[2]), []
def between():
    done.extend([1] * (len(KeyRing.load(keys_file).keys) == 2))
    if len(done) == 2:
        pathlib.Path(sys.argv[3]).touch()
        time.sleep(600)
rotate.CHUNK = 3
rotate.rotate(sys.argv[1], keys_file, between)
"""


@pytest.fixture
def alice(app: Flask) -> Person:
    return make_person(app)


@pytest.fixture
def accounts(app: Flask, alice: Person) -> list[int]:
    """Ten accounts, each with a uid, a password and a callback address."""
    with tenancy.team_scope(alice.team_id, app) as session:
        made = [
            gateway.connect_account(f"A{n}", "practice", Secret(f"uid-{n}"), Secret("pwd"), by=None).id
            for n in range(10)
        ]
        session.commit()
    return made


def opened(app: Flask, person: Person) -> list[str]:
    """The uids of all accounts, as a running program opens them."""
    with tenancy.team_scope(person.team_id, app) as session:
        rows = session.query(GatewayAccount).filter_by(team_id=person.team_id).order_by(GatewayAccount.id)
        return [open_credentials(row).uid.reveal() for row in rows]


def keys_in_use(database: Database) -> set[str]:
    with database.owner() as owner:
        rows = owner.execute(
            "SELECT sealed_uid FROM gateway_account UNION ALL SELECT sealed_pwd FROM gateway_account "
            "UNION ALL SELECT sealed_token FROM callback_token"
        )
        return {key_id_of(value) for (value,) in rows}


def age(keys_file: Path) -> None:
    """As if it had been written some time ago."""
    long_ago = keys_file.stat().st_mtime - 600
    os.utime(keys_file, (long_ago, long_ago))


def test_everything_is_under_the_new_key_and_nothing_else_changes(
    app: Flask, alice: Person, accounts: list[int], empty: Database, settings: Settings
) -> None:
    before = opened(app, alice)
    old = KeyRing.load(settings.keys_file)
    with tenancy.team_scope(alice.team_id, app):
        name = gateway.fingerprint_of("practice", Secret("uid-1"))
    done = rotate.rotate(conninfo(empty.owner_url), settings.keys_file)
    new = KeyRing.load(settings.keys_file)
    assert (done.made, done.resealed, done.left) == (True, 30, {})
    assert (new.keys[1:], new.numbers) == (old.keys, old.numbers)
    assert keys_in_use(empty) == {key_ids(new)[0]} == {done.newest}
    assert opened(app, alice) == before
    age(settings.keys_file)
    gone = rotate.forget(conninfo(empty.owner_url), settings.keys_file)
    assert gone.forgotten == key_ids(old)
    last = KeyRing.load(settings.keys_file)
    assert last.keys == new.keys[:1]
    assert opened(app, alice) == before
    assert number_hash(last, 1, "13800138000") == number_hash(old, 1, "13800138000")
    with tenancy.team_scope(alice.team_id, app):
        assert gateway.fingerprint_of("practice", Secret("uid-1")) == name
    assert settings.keys_file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in settings.keys_file.parent.glob(".keys*")] == []


def test_killed_half_way_it_is_carried_on(
    app: Flask, alice: Person, accounts: list[int], empty: Database, settings: Settings, tmp_path: Path
) -> None:
    before = opened(app, alice)
    reached = tmp_path / "reached"
    process = subprocess.Popen(
        [sys.executable, "-c", STUCK, conninfo(empty.owner_url), str(settings.keys_file), str(reached)]
    )
    try:
        wait_until(reached.exists, 30)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    assert len(keys_in_use(empty)) == 2
    assert opened(app, alice) == before
    with pytest.raises(KeepingError, match="seconds ago"):
        rotate.forget(conninfo(empty.owner_url), settings.keys_file)
    done = rotate.rotate(conninfo(empty.owner_url), settings.keys_file)
    assert (done.made, done.resealed) == (False, 30 - 12)
    assert keys_in_use(empty) == {done.newest}
    assert len(KeyRing.load(settings.keys_file).keys) == 2
    assert opened(app, alice) == before


def test_a_running_program_never_meets_a_row_that_it_cannot_open(
    app: Flask, alice: Person, accounts: list[int], empty: Database, settings: Settings
) -> None:
    before = opened(app, alice)
    stop, seen, wrong = threading.Event(), [], []

    def work() -> None:
        while not stop.is_set():
            try:
                seen.append(opened(app, alice) == before)
            except Exception as error:  # noqa: BLE001 # whatever it is, the test is to tell it
                wrong.append(error)
                return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _turn in range(4):
            count = len(seen)
            rotate.rotate(conninfo(empty.owner_url), settings.keys_file)
            age(settings.keys_file)
            rotate.forget(conninfo(empty.owner_url), settings.keys_file)
            wait_until(lambda count=count: wrong or len(seen) > count)  # type: ignore[misc] # a bound value
    finally:
        stop.set()
        thread.join(timeout=30)
    assert wrong == []
    assert all(seen)


def test_a_new_account_is_sealed_with_the_new_key_at_once(
    app: Flask, alice: Person, practice: PracticeGateway, empty: Database, settings: Settings
) -> None:
    connect_practice(app, alice, practice)
    done = rotate.rotate(conninfo(empty.owner_url), settings.keys_file)
    connect_practice(app, alice, practice)
    assert keys_in_use(empty) == {done.newest}


def test_a_value_without_its_key_is_counted_and_kept(
    app: Flask, alice: Person, accounts: list[int], empty: Database, settings: Settings
) -> None:
    stranger = KeyRing((Fernet.generate_key(),))
    lost = seal(stranger, alice.team_id, accounts[0], "pwd", "gone")
    with empty.owner() as owner:
        owner.execute("UPDATE gateway_account SET sealed_pwd = %s WHERE id = %s", (lost, accounts[0]))
        owner.execute("UPDATE gateway_account SET sealed_uid = 'damaged' WHERE id = %s", (accounts[1],))
    done = rotate.rotate(conninfo(empty.owner_url), settings.keys_file)
    assert (done.made, done.resealed, done.left) == (True, 28, {key_ids(stranger)[0]: 1, "damaged": 1})
    age(settings.keys_file)
    assert rotate.forget(conninfo(empty.owner_url), settings.keys_file).left == done.left
    with empty.owner() as owner:
        rows = owner.execute("SELECT sealed_pwd FROM gateway_account WHERE id = %s", (accounts[0],))
        assert rows.fetchall() == [(lost,)]


@pytest.mark.parametrize("content", [None, "", "no key\n"])
def test_a_key_file_that_is_none_changes_nothing(
    app: Flask, alice: Person, accounts: list[int], empty: Database, settings: Settings, content: str | None
) -> None:
    if content is None:
        settings.keys_file.unlink()
    else:
        settings.keys_file.write_text(content)
    before = keys_in_use(empty)
    with pytest.raises(KeepingError, match=r"Nothing was changed\."):
        rotate.rotate(conninfo(empty.owner_url), settings.keys_file)
    assert keys_in_use(empty) == before
    assert settings.keys_file.exists() is (content is not None)
