"""A database of an older PostgreSQL becomes one of the newest, with all that is in it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from webapp import embedded, embedded_binaries, schema
from webapp.connections import conninfo
from webapp.embedded import Binaries, Cluster
from webapp.keeping import KeepingError, restore, upgrade

NEWEST = embedded.find_binaries()
OLDER = [one for one in embedded_binaries.candidates(older=True) if one.version < NEWEST.version]

pytestmark = pytest.mark.skipif(not OLDER, reason="this machine has one PostgreSQL only")


def quietly(_said: str) -> None:
    """Nobody listens."""


def rows(cluster: Cluster) -> list[tuple[object, ...]]:
    with psycopg.connect(conninfo(cluster.owner_url)) as owner:
        return owner.execute(
            "SELECT team.name, audit_entry.action, details, "
            "(SELECT count(*) FROM procrastinate_jobs), (SELECT count(*) FROM login_session) "
            "FROM team JOIN audit_entry ON audit_entry.team_id = team.id"
        ).fetchall()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An instance whose database was made by the older version, with a team, a session and a waiting job."""
    instance = tmp_path_factory.mktemp("old") / "an instance"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded_binaries, "candidates", lambda **_more: iter(OLDER))
        with embedded.start_for(instance, {"fsync": "off"}) as cluster:
            schema.upgrade(cluster.owner_url, cluster.program_url)
            with psycopg.connect(conninfo(cluster.owner_url)) as owner:
                owner.execute(
                    "INSERT INTO team (id, address, name, created_at) VALUES (7, 'abcdefgh', '团队', now())"
                )
                owner.execute(
                    "INSERT INTO audit_entry (team_id, id, at, action, address, details) "
                    """VALUES (7, 1, now(), 'x', 'job', '{"a\\tb": "\\\\.\\nc"}')"""
                )
                owner.execute(
                    "INSERT INTO app_user (id, email, password_hash, created_at) VALUES (1, 'a@b', '', now())"
                )
                owner.execute(
                    "INSERT INTO login_session (id_hash, user_id, created_at, last_seen_at, fresh_at, "
                    "address, agent) VALUES (%s, 1, now(), now(), now(), '', '')",
                    (bytes(32),),
                )
                owner.execute(
                    "INSERT INTO procrastinate_jobs (task_name, queue_name) VALUES ('t', 'default')"
                )
    return instance


@pytest.fixture
def instance(made: Path, tmp_path: Path) -> Path:
    """A copy of it, for a test alone."""
    copy = tmp_path / "instance"
    subprocess.run(["cp", "-a", str(made), str(copy)], check=True)
    return copy


def test_everything_is_carried_over_and_the_old_folder_kept(instance: Path) -> None:
    before = (instance / "postgres.json").read_text()
    done = upgrade.upgrade(instance, quietly)
    assert done is not None
    assert done.before == OLDER[0].full_version
    assert (instance / "postgres" / "PG_VERSION").read_text().strip() == str(NEWEST.version)
    assert (done.kept / "PG_VERSION").read_text().strip() == str(OLDER[0].version)
    assert done.kept.name.startswith(f"postgres-{OLDER[0].version}-before-upgrade-")
    assert (instance / "postgres.json").read_text() == before
    assert not (instance / "upgrade").exists()
    with embedded.start_for(instance) as cluster:
        assert cluster.version == NEWEST.version
        assert rows(cluster) == [("团队", "x", {"a\tb": "\\.\nc"}, 1, 1)]
        with psycopg.connect(conninfo(cluster.program_url)) as program:
            assert program.execute("SELECT count(*) FROM app_user").fetchall() == [(1,)]
    assert upgrade.upgrade(instance, quietly) is None


def test_a_power_cut_between_the_two_moves_leaves_a_whole_database(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def cut(self: Path, target: Path) -> Path:
        if self.name == embedded.UPGRADED and self.exists():
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        upgrade.upgrade(instance, quietly)
    monkeypatch.undo()
    assert not (instance / "postgres").exists()
    with embedded.start_for(instance) as cluster:
        assert cluster.version == NEWEST.version
        assert len(rows(cluster)) == 1


def test_what_goes_wrong_before_leaves_the_old_database_in_place(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_ignored: object) -> None:
        raise KeepingError("no")

    monkeypatch.setattr(restore, "fill", full)
    with pytest.raises(KeepingError):
        upgrade.upgrade(instance, quietly)
    assert (instance / "postgres" / "PG_VERSION").read_text().strip() == str(OLDER[0].version)
    assert not (instance / "upgrade").exists()


def test_it_refuses_without_room_and_while_the_database_runs(
    instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "LEAST_ROOM", 1 << 60)
    with pytest.raises(KeepingError, match="not enough room"):
        upgrade.upgrade(instance, quietly)
    with embedded.start_for(instance, older=True):
        ended = command("upgrade-db", instance)
    assert ended.returncode == 2
    assert "already runs" in ended.stderr
    assert (instance / "postgres" / "PG_VERSION").read_text().strip() == str(OLDER[0].version)


def test_it_says_when_the_old_version_is_not_here(
    instance: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    newest: list[Binaries] = [NEWEST]
    monkeypatch.setattr(embedded_binaries, "candidates", lambda **_more: iter(newest))
    with pytest.raises(embedded.EmbeddedError, match=rf"postgresql-{OLDER[0].version}\)"):
        upgrade.upgrade(instance, quietly)
    with pytest.raises(KeepingError, match="no embedded database"):
        upgrade.upgrade(tmp_path / "nothing", quietly)


def test_the_command_says_what_it_did(instance: Path) -> None:
    ended = command("upgrade-db", instance)
    assert ended.returncode == 0, ended.stderr
    assert f"from PostgreSQL {OLDER[0].full_version} to {NEWEST.full_version}" in ended.stdout
    again = command("upgrade-db", instance)
    assert "Nothing was changed." in again.stdout
    elsewhere = command("upgrade-db", instance, DATABASE_URL="postgresql://a:b@localhost/x")
    assert (elsewhere.returncode, "DATABASE_URL is set" in elsewhere.stderr) == (1, True)


def command(name: str, instance: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "TIDINGS_INSTANCE": str(instance), **more}
    return subprocess.run(
        [sys.executable, "-m", "webapp", name], env=environ, capture_output=True, text=True, timeout=60
    )
