"""Groups, tokens and the spool: each on its own, with everything that can go wrong below it."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from webapp.delivery import groups, tokens
from webapp.delivery.groups import GroupCommit, NotStoredError
from webapp.delivery.inbox import Arrival, InboxError, RefusedError
from webapp.delivery.parse import Report, Unreadable
from webapp.delivery.spool import Spool
from webapp.delivery.tokens import TokenCache, UnsureError

NOW = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)


def arrival(msgid: str, team_id: int = 1, account_id: int = 2) -> Arrival:
    return Arrival(team_id, account_id, NOW, Report(msgid, "13800000000", "成功,;\n", "1700000000", NOW))


def msgids(arrivals: Sequence[Arrival]) -> list[str]:
    return [one.content.msgid for one in arrivals if isinstance(one.content, Report)]


def msgids_to(count: int) -> list[str]:
    return [str(number) for number in range(count)]


# Groups


def together(group: GroupCommit, count: int) -> list[BaseException | None]:
    """Have `count` threads put one arrival each at the same time; what each of them raised."""
    ends: list[BaseException | None] = []
    barrier = threading.Barrier(count)

    def one(number: int) -> None:
        barrier.wait()
        try:
            group.put([arrival(str(number))])
        except NotStoredError as error:
            ends.append(error)
        else:
            ends.append(None)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return ends


def nowhere(arrivals: Sequence[Arrival]) -> None:
    raise NotStoredError


def test_a_group_stores_each_arrival_once() -> None:
    stored: list[list[Arrival]] = []
    group = GroupCommit(lambda arrivals: stored.append(list(arrivals)), nowhere)
    for _ in range(5):
        assert together(group, 20) == [None] * 20
    assert sorted(
        one.content.msgid for part in stored for one in part if isinstance(one.content, Report)
    ) == (sorted([str(number) for number in range(20)] * 5))
    assert len(stored) < 100


def test_a_group_that_failed_tells_everybody_and_the_next_one_goes_on() -> None:
    fail = True

    def store(arrivals: Sequence[Arrival]) -> None:
        if fail:
            raise NotStoredError

    group = GroupCommit(store, nowhere)
    assert all(isinstance(end, NotStoredError) for end in together(group, 10))
    fail = False
    assert together(group, 10) == [None] * 10


def test_a_fault_in_storing_is_not_taken_for_success() -> None:
    def store(arrivals: Sequence[Arrival]) -> None:
        raise ZeroDivisionError

    group = GroupCommit(store, nowhere)
    with pytest.raises(ZeroDivisionError):
        group.put([arrival("1")])
    with pytest.raises(ZeroDivisionError):
        group.put([arrival("2")])


def test_a_stuck_leader_is_gone_past(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "STUCK_SECONDS", 0.2)
    release, entered = threading.Event(), threading.Event()
    aside: list[str] = []

    def store(arrivals: Sequence[Arrival]) -> None:
        entered.set()
        assert release.wait(30)

    def past(arrivals: Sequence[Arrival]) -> None:
        aside.extend(msgids(arrivals))

    group = GroupCommit(store, past)
    leader = threading.Thread(target=group.put, args=([arrival("leader")],))
    leader.start()
    assert entered.wait(30)
    assert together(group, 3) == [None] * 3
    assert sorted(aside) == ["0", "1", "2"]
    group.put([arrival("late")])
    assert aside[-1] == "late"
    release.set()
    leader.join(timeout=30)
    aside.clear()
    assert together(group, 3) == [None] * 3
    assert aside == []


# Tokens

KNOWN, NEW = b"k" * 32, b"n" * 32


class Source:
    """Where tokens come from; counts how often it was asked."""

    def __init__(self) -> None:
        self.tokens = {KNOWN: (1, 2)}
        self.away = False
        self.asked = 0

    def __call__(self) -> dict[bytes, tuple[int, int]]:
        self.asked += 1
        if self.away:
            raise InboxError("away")
        return dict(self.tokens)


def test_known_tokens_are_answered_from_memory(tmp_path: Path) -> None:
    source = Source()
    cache = TokenCache(source, tmp_path / "tokens.json")
    assert [cache.find(KNOWN) for _ in range(50)] == [(1, 2)] * 50
    assert source.asked == 1


def test_unknown_tokens_ask_again_but_not_each_time(tmp_path: Path) -> None:
    source = Source()
    cache = TokenCache(source, tmp_path / "tokens.json")
    assert [cache.find(NEW) for _ in range(50)] == [None] * 50
    assert source.asked == 2
    guesses = [cache.find(os.urandom(32)) for _ in range(200)]
    assert guesses == [None] * 200
    assert source.asked < 30


def test_a_new_token_is_found_at_once_and_a_retired_one_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source()
    cache = TokenCache(source, tmp_path / "tokens.json")
    assert cache.find(KNOWN) == (1, 2)
    source.tokens = {NEW: (3, 4)}
    assert cache.find(NEW) == (3, 4)
    assert cache.find(KNOWN) is None


def test_without_the_database_the_copy_answers_but_never_says_no(tmp_path: Path) -> None:
    source, copy = Source(), tmp_path / "spool" / "tokens.json"
    TokenCache(source, copy).find(KNOWN)
    source.away = True
    cache = TokenCache(source, copy)
    assert cache.find(KNOWN) == (1, 2)
    with pytest.raises(UnsureError):
        cache.find(NEW)
    source.away = False
    assert cache.find(os.urandom(32)) is None


@pytest.mark.parametrize(
    "content", [b"", b"null", b"{", b'[["zz",1,2]]', b"[[1]]", b'{"a":1}', b"\xff", None]
)
def test_a_copy_that_is_broken_is_no_copy(tmp_path: Path, content: bytes | None) -> None:
    source, copy = Source(), tmp_path / "tokens.json"
    source.away = True
    if content is not None:
        copy.write_bytes(content)
    with pytest.raises(UnsureError):
        TokenCache(source, copy).find(KNOWN)


def test_a_database_that_hangs_does_not_hold_up_known_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens, "LOOKUP_SECONDS", 0.1)
    monkeypatch.setattr(tokens, "FRESH_SECONDS", 0.0)
    source, entered, release = Source(), threading.Event(), threading.Event()
    hang = False

    def load() -> dict[bytes, tuple[int, int]]:
        if hang:
            entered.set()
            assert release.wait(30)
        return source()

    cache = TokenCache(load, tmp_path / "tokens.json")
    assert cache.find(KNOWN) == (1, 2)
    hang = True
    stuck = threading.Thread(target=cache.find, args=(KNOWN,))
    stuck.start()
    assert entered.wait(30)
    assert cache.find(KNOWN) == (1, 2)
    with pytest.raises(UnsureError):
        cache.find(NEW)
    release.set()
    stuck.join(timeout=30)


# The spool


def taker() -> tuple[list[Arrival], Callable[[Sequence[Arrival]], None]]:
    taken: list[Arrival] = []
    return taken, taken.extend


def test_what_is_written_is_read_in_once_and_unchanged(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    arrivals = [arrival("1"), Arrival(1, 2, NOW, Unreadable(b"\x00\xff\n", 9000)), arrival("2")]
    untimed = Arrival(1, 2, NOW, Report("3", "13800000000", "DELIVRD", "soon", None))
    spool.append(arrivals)
    spool.append([untimed])
    spool.close()
    taken, take = taker()
    assert Spool(tmp_path / "spool").drain(take) == 4
    assert taken == [*arrivals, untimed]
    assert spool.drain(take) == 0
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_file_that_is_being_written_is_left_alone(tmp_path: Path) -> None:
    writer, reader = Spool(tmp_path), Spool(tmp_path)
    writer.append([arrival("1")])
    _, take = taker()
    assert (reader.drain(take), reader.has_files()) == (0, True)
    writer.close()
    assert (reader.drain(take), reader.has_files()) == (1, False)


def test_half_a_line_of_a_killed_writer_is_dropped_and_the_rest_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrival("1"), arrival("2")])
    spool.close()
    (path,) = tmp_path.glob("reports-*.jsonl")
    path.write_bytes(path.read_bytes()[:-5])
    taken, take = taker()
    assert spool.drain(take) == 1
    assert taken == [arrival("1")]


def test_a_full_disk_is_said_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path)
    spool.append([arrival("1")])
    real = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "full")
        return real(handle, data[: len(data) - 50])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="full"):
            spool.append([arrival("2")])
    spool.append([arrival("3")])
    spool.close()
    taken, take = taker()
    spool.drain(take)
    assert taken == [arrival("1"), arrival("3")]


def test_a_database_that_is_away_leaves_the_file(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrival("1")])
    spool.close()

    def away(arrivals: Sequence[Arrival]) -> None:
        raise InboxError("away")

    with pytest.raises(InboxError):
        spool.drain(away)
    _, take = taker()
    assert spool.drain(take) == 1


def test_what_the_database_refuses_is_kept_and_lets_the_others_by(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrival(str(number)) for number in range(7)])
    spool.close()
    taken: list[Arrival] = []

    def picky(arrivals: Sequence[Arrival]) -> None:
        if any(isinstance(one.content, Report) and one.content.msgid == "3" for one in arrivals):
            raise RefusedError("no")
        taken.extend(arrivals)

    assert spool.drain(picky) == 7
    assert msgids(taken) == list("012456")
    (kept,) = [one.content for one in taken if isinstance(one.content, Unreadable)]
    assert b"'3'" in kept.raw


def test_a_file_that_can_never_be_taken_is_put_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.append([arrival("1")])
    spool.close()

    def refuse(arrivals: Sequence[Arrival]) -> None:
        raise RefusedError("no")

    assert spool.drain(refuse) == 0
    assert not spool.has_files()
    (aside,) = tmp_path.glob("refused-*")
    assert json.loads(aside.read_text())["report"][0] == "1"


def test_two_readers_at_once_read_each_file_once(tmp_path: Path) -> None:
    for number in range(20):
        spool = Spool(tmp_path)
        spool.append([arrival(str(number))])
        spool.close()
    taken, take = taker()
    readers = [threading.Thread(target=Spool(tmp_path).drain, args=(take,)) for _ in range(4)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(timeout=30)
    assert sorted(msgids(taken)) == sorted(msgids_to(20))
