"""Start the practice gateway: `python -m webapp.practice --bind 127.0.0.1:8010`."""

import sys

# The event loop takes along the whole of TLS where it is to be had. Nothing here speaks TLS, and without
# it the program is 1.5 MB smaller at rest.
sys.modules.setdefault("ssl", None)  # type: ignore[arg-type]  # the documented way to make an import fail

from webapp.practice.program import main  # noqa: E402 - the line above must come first

if __name__ == "__main__":
    sys.exit(main())
