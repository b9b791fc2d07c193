"""Finds the browser that the tests drive; as a command, installs one where the machine allows that.

`python -m tests.browser.chromium` ends with 1 only where `CI` is set and there is no browser: a person
without one is told how to get it, and the browser tests are left out with that sentence.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = (
    "The browser tests need Chromium. On Debian or Ubuntu: apt-get install chromium. "
    "If it lies elsewhere, set TIDINGS_CHROMIUM to its path."
)
# As root Chromium refuses its sandbox. The rest keeps it from calling home, which a closed network refuses.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def path() -> str | None:
    """Where the browser lies, or None."""
    named = os.environ.get("TIDINGS_CHROMIUM")
    if named:
        return named if os.access(named, os.X_OK) else None
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def install() -> None:
    """Install Chromium through the package manager, where we may."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    print("Installing Chromium for the browser tests …", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", *words], env=quiet, stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    """Make sure there is a browser, or say how to get one."""
    if path() is None:
        install()
    if path() is not None:
        return 0
    print(HOW, file=sys.stderr)
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main())
