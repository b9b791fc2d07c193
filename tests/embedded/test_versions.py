"""Which PostgreSQL is used, and what is said when none fits; no data folder is replaced by an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp import embedded, embedded_binaries
from webapp.embedded import Binaries, EmbeddedError, find_binaries


def test_the_newest_and_nearest_comes_first() -> None:
    binaries = find_binaries()
    assert binaries.version >= 15
    assert "pginstall/" not in str(binaries.folder)


def test_another_major_version_is_left_alone(instance: Path) -> None:
    data = instance / "postgres"
    data.mkdir(parents=True, mode=0o700)
    (data / "PG_VERSION").write_text("14\n")
    (data / "precious").write_text("kept")
    with pytest.raises(EmbeddedError) as caught:
        embedded.prepare(instance)
    sentence = str(caught.value)
    assert "PostgreSQL 14" in sentence
    assert str(find_binaries().version) in sentence
    assert "Nothing was changed." in sentence
    assert "`python -m webapp upgrade-db`" in sentence
    assert sorted(path.name for path in data.iterdir()) == ["PG_VERSION", "precious"]
    assert not (instance / "postgres.new").exists()


@pytest.mark.parametrize("text", [None, "", "eighteen"])
def test_a_folder_that_is_no_database_is_left_alone(instance: Path, text: str | None) -> None:
    data = instance / "postgres"
    data.mkdir(parents=True, mode=0o700)
    if text is not None:
        (data / "PG_VERSION").write_text(text)
    with pytest.raises(EmbeddedError, match="not a whole database folder"):
        embedded.prepare(instance)
    assert len(list(data.iterdir())) == (text is not None)


def test_no_postgresql_at_all(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Iterator[Binaries] = iter(())
    monkeypatch.setattr(embedded_binaries, "candidates", lambda: nothing)
    with pytest.raises(EmbeddedError, match=r"No PostgreSQL 15 or newer was found.*DATABASE_URL"):
        embedded.prepare(instance)


def test_a_program_that_does_not_run_here_is_passed_over(tmp_path: Path) -> None:
    for name in ("postgres", "initdb"):
        (tmp_path / name).write_bytes(b"\x7fELF of another machine")
        (tmp_path / name).chmod(0o755)
    assert embedded_binaries._ask_version(tmp_path) is None
