"""`python -m benchmarks FIRST|P5|P8|SEARCH [--size small|quick|full]`, or `all`."""

from __future__ import annotations

import argparse
import sys

from benchmarks import first_campaign, p5_import, p6_search, p8_at_rest

PATHS = {"FIRST": first_campaign.run, "P5": p5_import.run, "P8": p8_at_rest.run, "SEARCH": p6_search.run}


def main() -> int:
    """Run one path or all of them; 1 if one falls short."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("path", choices=[*PATHS, "all"])
    parser.add_argument("--size", choices=("small", "quick", "full"), default="quick")
    options = parser.parse_args()
    chosen = PATHS if options.path == "all" else {options.path: PATHS[options.path]}
    return max(run(options.size) for run in chosen.values())


sys.exit(main())
