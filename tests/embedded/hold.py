"""Starts the embedded database of a folder, tells how to reach it, and keeps it until its input ends.

Run as a program, also by users that cannot import what the tests import: the standard library and `webapp`
suffice. `hold.py start FOLDER` holds a handle; `hold.py become FOLDER` becomes the server itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from webapp import embedded


def main() -> None:
    instance = Path(sys.argv[2])
    try:
        if sys.argv[1] == "become":
            embedded.exec_postmaster(instance)
        with embedded.start_for(instance) as cluster:
            told = {
                "conninfo": cluster.conninfo("superuser"),
                "data": str(cluster.data),
                "version": cluster.version,
            }
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()
            sys.stdin.read()
    except embedded.EmbeddedError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
