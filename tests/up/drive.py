"""Runs `webapp.up` with stand-in programs, as a person would run the real one: `drive.py [variant]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from webapp import up  # noqa: E402 - the path comes first
from webapp.embedded import EmbeddedError  # noqa: E402
from webapp.settings import Settings  # noqa: E402

STAND_IN = str(ROOT / "tests" / "up" / "stand_in.py")


def plan(settings: Settings, variant: str) -> up.Plan:
    def stand_in(*words: object) -> list[str]:
        return [sys.executable, STAND_IN, *map(str, words)]

    web = stand_in("fail") if variant == "web-fails" else stand_in("serve", settings.bind.port)
    programs = [
        up.Program("postgres", stand_in("postgres", settings.instance), "INT", 60, backends_apart=True),
        up.Program("web", web),
        up.Program("practice", stand_in("serve", settings.practice_bind.port)),
        up.Program("worker", stand_in("work", settings.instance / "order")),
    ]
    if variant == "external":
        programs = programs[1:]
    commands = {"migrate-fails": "fail", "external": "nothing"}
    migrate = stand_in(commands.get(variant, "migrate"), settings.instance)
    return up.Plan(programs, migrate, stand_in("ready", settings.bind.port), patience=3)


def main() -> int:
    settings = Settings.from_environ(os.environ)
    try:
        up.run(settings, plan(settings, sys.argv[1] if len(sys.argv) > 1 else ""))
    except (up.UpError, EmbeddedError) as error:
        sys.stderr.write(f"{error}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
