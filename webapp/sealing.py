"""Secrets at rest, and secrets in memory.

The gateway wants the password itself, so it cannot be hashed: it is sealed with a key that lies in a file
and never in the database. What is sealed is not the bare value but the value *with its place* (team, account,
field), because Fernet has no associated data: a sealed value copied into another team's row must not open.
In front of each token stands the id of the key that made it, so that one query finds the rows whose key is
gone.

Beside these keys the file holds two more, for the hashes of numbers that were erased and for the names of
accounts. They seal nothing, so they are never changed: with others nobody who opted out would be known again.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self, cast

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app

from webapp.settings import settings_of

MASK = "***"
KEY_ID_LENGTH = 8
# How the lines of the keys that are never changed begin, and the length of these keys.
NUMBERS = b"numbers:"
NAMES = b"names:"
LASTING_BYTES = 32
_RING = "tidings_key_ring"
# The container engine (Docker, Podman) or systemd mounts these for one service alone and sets the mode
# itself.
MOUNTED_SECRETS = (Path("/run/secrets"), Path("/run/credentials"))


class SealError(Exception):
    """A sealed value cannot be opened here: damaged, of another place, or its key is not in the ring."""


class MissingKeyError(SealError):
    """The key that sealed a value is not in the ring."""


class KeyRingError(Exception):
    """The key file cannot be used; the text is a sentence for the operator."""


class Secret:
    """A text that shows itself only through `reveal()`: never in logs, tracebacks, templates or pickles."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """The secret itself; call it where it is used and keep it nowhere."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (text.encode("utf-8", "surrogatepass") for text in (self.__value, other.__value))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self.__value))

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("A secret is not pickled.")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: object) -> Self:
        return self


@dataclass(frozen=True, repr=False)
class KeyRing:
    """The keys of a key file, newest first; the newest seals, any of them opens.

    `numbers`: the key of erased numbers; `names`: that of fingerprints. A file from before there were any has
    none, and they are made from the oldest key; whoever writes a file with other keys writes the lines of
    these into it (`lines`).
    """

    keys: tuple[bytes, ...]
    numbers: bytes = b""
    names: bytes = b""

    def __post_init__(self) -> None:
        if not self.keys:
            raise KeyRingError("The key file holds no key.")
        try:
            for key in self.keys:
                Fernet(key)
        except ValueError:
            raise KeyRingError("The key file holds a line that is not a Fernet key.") from None
        for field, salt in (("numbers", b"tidings erased numbers\0"), ("names", b"tidings fingerprint\0")):
            if not getattr(self, field):
                object.__setattr__(self, field, hashlib.sha256(salt + self.keys[-1]).digest())
            if len(getattr(self, field)) != LASTING_BYTES:
                raise KeyRingError(f"The line “{field}:” in the key file is damaged.")

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(key_ids(self))})"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file: one urlsafe base64 Fernet key a line, newest first. Raises KeyRingError."""
        try:
            with path.open("rb") as file:
                _check_private(path, os.fstat(file.fileno()))
                lines = file.read(64 * 1024).splitlines()
        except OSError as error:
            raise KeyRingError(f"The key file {path} cannot be read: {error.strerror}.") from error
        stripped = [line.strip() for line in lines if line.strip()]
        keys = tuple(line for line in stripped if not line.startswith((NUMBERS, NAMES)))
        return cls(keys, _lasting(stripped, NUMBERS), _lasting(stripped, NAMES))

    def lines(self) -> bytes:
        """The key file that holds this ring: each key in a line, then those that are never changed."""
        lasting = ((NUMBERS, self.numbers), (NAMES, self.names))
        kept = (head + base64.urlsafe_b64encode(key) for head, key in lasting)
        return b"".join(line + b"\n" for line in (*self.keys, *kept))

    @classmethod
    def load_or_create(cls, path: Path) -> Self:
        """Read the key file, or make one with a fresh key. Safe when several start at once."""
        if not path.exists():
            try:
                _create(path)
            except OSError as error:
                raise KeyRingError(f"The key file {path} cannot be made: {error.strerror}.") from error
        return cls.load(path)


def key_ring() -> KeyRing:
    """The application's key ring, read anew whenever its file is another one. Raises KeyRingError.

    Call it after the row that is to be opened was read: a key is in the file before anything is sealed with
    it, so it is in the ring then.
    """
    path = settings_of(current_app).keys_file
    seen = _state_of(path)
    kept = current_app.extensions.get(_RING)
    # A file that is gone is not made anew under a running program: it would know nothing of the old keys.
    if kept is None or seen not in (None, kept[0]):
        ring = KeyRing.load_or_create(path)
        kept = current_app.extensions[_RING] = (seen or _state_of(path), ring)
    return cast(KeyRing, kept[1])


def _state_of(path: Path) -> tuple[int, int, int] | None:
    """What changes when the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _lasting(lines: list[bytes], head: bytes) -> bytes:
    """A key that is never changed, b"" where the file has none yet."""
    found = [line.removeprefix(head) for line in lines if line.startswith(head)]
    name = head.decode()
    if len(found) > 1:
        raise KeyRingError(f"The key file holds more than one line “{name}”.")
    if not found:
        return b""
    try:
        key = base64.b64decode(found[0], altchars=b"-_", validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise KeyRingError(f"The line “{name}” in the key file is damaged.")
    return key


def _check_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyRingError(f"The key file {path} is not a plain file.")
    if any(path.absolute().is_relative_to(folder) for folder in MOUNTED_SECRETS):
        return
    if status.st_mode & 0o077:
        raise KeyRingError(f"The key file {path} can be read by others; set its mode to 600.")


def save(ring: KeyRing, path: Path) -> None:
    """Put a ring into the place of the one in the file, whole or not at all. Raises OSError."""
    draft = _written_aside(ring, path)
    try:
        # Who may read it stays as it was, where we may say so.
        with contextlib.suppress(PermissionError):
            found = path.stat()
            os.chown(draft, found.st_uid, found.st_gid)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _create(path: Path) -> None:
    """Write aside, then link into place: nobody can see half a file, and the first of several wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = _written_aside(KeyRing((Fernet.generate_key(),), *_fresh_lasting()), path)
    try:
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
    _sync_folder(path.parent)


def _written_aside(ring: KeyRing, path: Path) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(ring.lines())
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _fresh_lasting() -> tuple[bytes, bytes]:
    return secrets.token_bytes(LASTING_BYTES), secrets.token_bytes(LASTING_BYTES)


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"tidings key id\0" + key).hexdigest()[:KEY_ID_LENGTH]


def key_ids(ring: KeyRing) -> list[str]:
    """The ids of the keys, newest first; `key_id_of` returns one of them for a sealed value."""
    return [_key_id(key) for key in ring.keys]


def numbers_id(ring: KeyRing) -> str:
    """The id of the key of erased numbers, by which a backup knows its file."""
    return _key_id(ring.numbers)


def key_id_of(sealed: bytes) -> str:
    """The id of the key that made a sealed value."""
    return sealed[:KEY_ID_LENGTH].decode("ascii", "replace")


def _opener(ring: KeyRing) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in ring.keys])


def _token_of(ring: KeyRing, sealed: bytes) -> bytes:
    if key_id_of(sealed) not in key_ids(ring):
        raise MissingKeyError(f"The key {key_id_of(sealed)!r} is not in the key file.")
    return sealed[KEY_ID_LENGTH + 1 :]


def seal(ring: KeyRing, team_id: int, account_id: int, field: str, value: str | Secret) -> bytes:
    """Seal a value for one field of one team's account: key id, `:`, Fernet token."""
    text = value.reveal() if isinstance(value, Secret) else value
    plain = json.dumps({"team": team_id, "account": account_id, "field": field, "value": text})
    return key_ids(ring)[0].encode() + b":" + _opener(ring).encrypt(plain.encode())


def unseal(ring: KeyRing, team_id: int, account_id: int, field: str, sealed: bytes) -> Secret:
    """Open a value sealed for exactly this place. Raises SealError, MissingKeyError."""
    try:
        plain = _opener(ring).decrypt(_token_of(ring, sealed))
    except InvalidToken:
        raise SealError("A sealed value is damaged.") from None
    content = json.loads(plain)
    place = (content.get("team"), content.get("account"), content.get("field"))
    if place != (team_id, account_id, field):
        raise SealError("A sealed value belongs to another place.")
    return Secret(content["value"])


def reseal(ring: KeyRing, sealed: bytes) -> bytes:
    """The same value under the newest key, without looking at it. Raises SealError, MissingKeyError."""
    try:
        token = _opener(ring).rotate(_token_of(ring, sealed))
    except InvalidToken:
        raise SealError("A sealed value is damaged.") from None
    return key_ids(ring)[0].encode() + b":" + token


def fingerprint(ring: KeyRing, *parts: str | Secret) -> bytes:
    """A 32-byte name for a combination of texts that nobody without the file can guess back.

    The same for as long as there is the file, whatever other keys come and go.
    """
    texts = [part.reveal() if isinstance(part, Secret) else part for part in parts]
    return hmac.digest(ring.names, json.dumps(texts).encode(), "sha256")


def number_hash(ring: KeyRing, team_id: int, mobile: str) -> bytes:
    """What is kept of a number that was erased: 32 bytes that nobody without the file can guess back.

    The same for as long as there is the file, whatever other keys come and go.
    """
    return hmac.digest(ring.numbers, json.dumps({"team": team_id, "mobile": mobile}).encode(), "sha256")
