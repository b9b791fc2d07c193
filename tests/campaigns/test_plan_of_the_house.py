"""The package says where everything is; a module that is not on its plan would not be found."""

from __future__ import annotations

import re
from pathlib import Path

from webapp import campaigns


def test_every_module_has_its_place_on_the_plan() -> None:
    folder = Path(campaigns.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert campaigns.__doc__ is not None
    rooms = re.findall(r"^    (.+)$", campaigns.__doc__, re.MULTILINE)
    named = [name for room in rooms for name in re.findall(r"\w+", room)]
    assert sorted(named) == sorted(modules)
