"""Secrets at rest and in memory."""

import copy
import json
import pickle
import stat
import threading
import traceback
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from webapp.sealing import (
    KeyRing,
    KeyRingError,
    MissingKeyError,
    SealError,
    Secret,
    fingerprint,
    key_id_of,
    key_ids,
    number_hash,
    reseal,
    seal,
    unseal,
)


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing((Fernet.generate_key(),))


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>10}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert all("hunter2" not in text for text in shown)
    assert secret.reveal() == "hunter2"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps({"pwd": secret})
    with pytest.raises(TypeError):
        vars(secret)
    assert copy.deepcopy([secret])[0] is secret
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")
    assert secret != "hunter2"
    assert bool(Secret("")) is False


def test_a_traceback_does_not_show_it() -> None:
    values = {"pwd": Secret("HUNTER2".lower())}
    with pytest.raises(TypeError) as caught:
        json.dumps(values)
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("value", ["", "pwd", "密码 🔑", "x" * 5000, '{"team": 2}'])
def test_sealed_and_opened_in_its_own_place(ring: KeyRing, value: str) -> None:
    sealed = seal(ring, 1, 2, "pwd", value)
    assert value.encode() not in sealed or not value
    assert unseal(ring, 1, 2, "pwd", sealed).reveal() == value
    assert unseal(ring, 1, 2, "pwd", seal(ring, 1, 2, "pwd", Secret(value))).reveal() == value


@pytest.mark.parametrize("place", [(9, 2, "pwd"), (1, 9, "pwd"), (1, 2, "uid")])
def test_a_value_copied_to_another_place_does_not_open(ring: KeyRing, place: tuple[int, int, str]) -> None:
    sealed = seal(ring, 1, 2, "pwd", "secret text")
    with pytest.raises(SealError, match="another place") as caught:
        unseal(ring, *place, sealed)
    assert "secret text" not in str(caught.value)


@pytest.mark.parametrize(
    "damage", [lambda s: s[:-1], lambda s: s[:-4] + b"AAAA", lambda s: s[:9], lambda s: s[:0]]
)
def test_damaged_values_do_not_open(ring: KeyRing, damage: object) -> None:
    assert callable(damage)
    with pytest.raises(SealError):
        unseal(ring, 1, 2, "pwd", damage(seal(ring, 1, 2, "pwd", "x")))


def test_keys_can_be_changed_and_a_missing_one_is_named(ring: KeyRing) -> None:
    sealed = seal(ring, 1, 2, "pwd", "x")
    newer = KeyRing((Fernet.generate_key(), *ring.keys))
    assert key_id_of(sealed) == key_ids(ring)[0] == key_ids(newer)[1]
    assert unseal(newer, 1, 2, "pwd", sealed).reveal() == "x"
    moved = reseal(newer, sealed)
    assert key_id_of(moved) == key_ids(newer)[0]
    assert unseal(newer, 1, 2, "pwd", moved).reveal() == "x"
    with pytest.raises(MissingKeyError, match=key_ids(newer)[0]):
        unseal(ring, 1, 2, "pwd", moved)
    with pytest.raises(MissingKeyError):
        reseal(ring, moved)
    assert ring.keys[0].decode() not in repr(ring)


def test_fingerprints_tell_accounts_apart_and_outlive_a_new_key(ring: KeyRing) -> None:
    name = fingerprint(ring, "http://a", Secret("10086"))
    newer = KeyRing((Fernet.generate_key(), *ring.keys))
    assert len(name) == 32
    assert fingerprint(newer, "http://a", "10086") == name
    assert fingerprint(ring, "http://b", "10086") != name
    assert fingerprint(ring, "http://a", "10087") != name
    assert fingerprint(ring, "http://a1", "0086") != name
    assert fingerprint(KeyRing((Fernet.generate_key(),)), "http://a", "10086") != name


def test_the_key_file_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "instance" / "keys"
    rings: list[KeyRing] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait()
        rings.append(KeyRing.load_or_create(path))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(rings) == 8
    assert len({ring.keys for ring in rings}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keys"]


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_newest_first(tmp_path: Path) -> None:
    new, old = Fernet.generate_key(), Fernet.generate_key()
    ring = KeyRing.load(write(tmp_path / "keys", new + b"\r\n\n" + old + b"\n"))
    assert ring.keys == (new, old)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyRingError, match="600"):
        KeyRing.load_or_create(write(tmp_path / "keys", Fernet.generate_key(), mode))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"not a key", b"A" * 40, b"\xff" * 44])
def test_a_key_file_without_good_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyRingError) as caught:
        KeyRing.load(write(tmp_path / "keys", content))
    assert content.decode("latin-1").strip() not in str(caught.value) or not content.strip()


def test_a_folder_or_nothing_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(KeyRingError, match="cannot be read"):
        KeyRing.load(tmp_path)
    with pytest.raises(KeyRingError, match="cannot be read"):
        KeyRing.load(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(KeyRingError, match="cannot be made"):
        KeyRing.load_or_create(tmp_path / "file" / "keys")


def test_numbers_are_known_again_under_any_other_keys_and_nobody_guesses_them(tmp_path: Path) -> None:
    made = KeyRing.load_or_create(tmp_path / "keys")
    known = number_hash(made, 7, "13800138000")
    rotated = KeyRing((Fernet.generate_key(),), made.numbers)
    again = KeyRing.load(write(tmp_path / "rotated", rotated.lines()))
    assert again.keys != made.keys
    assert number_hash(again, 7, "13800138000") == known
    others = [(made, 8, "13800138000"), (made, 7, "13800138001"), (KeyRing(made.keys), 7, "13800138000")]
    assert known not in {number_hash(*one) for one in others}


def test_a_file_from_before_there_was_a_key_for_numbers_keeps_the_one_it_stands_for(tmp_path: Path) -> None:
    old = KeyRing.load(write(tmp_path / "keys", Fernet.generate_key()))
    newer = KeyRing((Fernet.generate_key(), *old.keys))
    assert newer.numbers == old.numbers
    assert KeyRing.load(write(tmp_path / "keys", old.lines())) == old


@pytest.mark.parametrize("line", [b"numbers:", b"numbers:AAAA", b"numbers:%%%", b"numbers:x\nnumbers:y"])
def test_a_damaged_key_for_numbers_is_refused(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(KeyRingError, match="numbers:”"):
        KeyRing.load(write(tmp_path / "keys", Fernet.generate_key() + b"\n" + line))
