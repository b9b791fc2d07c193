"""Kinds of failure: what may become of a send request besides a plain answer.

The question that matters to a sender is never how an answer looks but whether the numbers were taken, so
each kind says so, and the suffixes `+taken` and `+untaken` turn it round: `http500+taken` is an error page
for a request that went out all the same.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A failure: its `name` in the dial, the `base` without suffix, whether the numbers are taken."""

    name: str
    base: str
    taken: bool


# base name -> taken unless a suffix says otherwise
KINDS: dict[str, bool] = {
    "ok": True,
    **{f"code{code}": False for code in range(1, 9)},
    "code99": False,
    "no_msgid": True,
    "no_code": False,
    "duplicate_keys": True,
    "false": False,
    "cut": True,
    "html": False,
    "deep": False,
    "huge": True,
    "http500": False,
    "http503": False,
    "http401": False,
    "http403": False,
    "http404": False,
    "redirect": False,
    "reset_before": False,
    "lost": True,
    "eof": True,
    "hang": True,
    "drip": True,
}
OK = Kind("ok", "ok", taken=True)


def parse_kind(name: object) -> Kind:
    """The kind of this name; raises ValueError with a sentence."""
    base, plus, suffix = name.partition("+") if isinstance(name, str) else ("", "", "")
    if base not in KINDS or (plus and suffix not in ("taken", "untaken")):
        raise ValueError(f"{str(name)[:40]!r} is no kind of failure; known are {', '.join(KINDS)}.")
    if base == "reset_before" and suffix == "taken":
        raise ValueError("reset_before cannot be taken, since the request is not read.")
    taken = suffix == "taken" if plus else KINDS[base]
    return Kind(f"{base}{plus}{suffix}", base, taken)
