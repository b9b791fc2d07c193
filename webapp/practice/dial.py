"""The dial: everything about the practice gateway's behaviour that a person or a test may turn.

One frozen value holds all of it. It is only ever replaced as a whole by `turned`, which checks every entry
first, so a half-applied change cannot exist. The same reading serves JSON, the page's form and the command
line; therefore numbers may come as text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace

from webapp.practice.kinds import Kind, parse_kind

SPELLINGS = (
    "percent",
    "several",
    "lines",
    "semicolons",
    "form",
    "gzip",
    "plus86",
    "milliseconds",
    "text_time",
)
AWAY = ("no", "close", "refuse")


class DialError(ValueError):
    """A setting cannot be used; the text is a sentence that names it."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Positions of the dial. Times end in their unit; percents are 0 to 100."""

    latency_ms: int = 0
    """Shortest time between a request being read and its answer."""
    latency_max_ms: int = 0
    """Longest such time; below `latency_ms` it means: always `latency_ms`."""
    failures: Mapping[str, float] = field(default_factory=dict)
    """Percent of send requests that go wrong, by kind (`kinds.KINDS`)."""
    early_percent: float = 0
    """Percent of numbers whose report is posted before the send request is answered."""
    repeat_percent: float = 0
    """Percent of reports that are posted twice."""
    shuffle: bool = False
    """Post the reports of a request in random order and spread over up to a second."""
    report_delay_ms: int = 500
    """Time between the answer and its reports."""
    late_seconds: int = 60
    """Time after which a number with the fate "late" is reported."""
    delivered_percent: float = 96
    """Percent of ordinary numbers that are reported delivered."""
    failed_percent: float = 3
    """Percent of ordinary numbers that are reported failed; whatever is left is never reported."""
    dedup_seconds: int = 900
    """How long the same text to the same number under one uid is swallowed; 0 never."""
    dedup_same_msgid: bool = False
    """Answer a repeat of which every number was swallowed with the msgid of the first one."""
    dedup_charged: bool = False
    """Let swallowed numbers cost as much as others."""
    away: str = "no"
    """`close`: gateway requests are reset unread. `refuse`: nothing listens, for `away_seconds`."""
    away_seconds: int = 30
    """How long `refuse` lasts; this page is away as well meanwhile."""
    spelling: tuple[str, ...] = ()
    """How reports are written, any of `SPELLINGS`; none is the plain form."""
    report_tries: int = 6
    """How often a report is posted until somebody answers 200; 1 is what the real gateway may do."""
    report_connections: int = 16
    """Connections held open to one callback address."""
    hang_seconds: int = 120
    """How long a hanging or dripping answer lasts if the caller stays."""
    huge_megabytes: int = 1024
    """Size of an answer of the kind `huge`."""

    def turned(self, changes: Mapping[str, object]) -> Dial:
        """The dial with these changes; raises DialError and changes nothing if one of them is wrong."""
        read: dict[str, object] = {}
        for name, value in changes.items():
            rule = RULES.get(name)
            if rule is None:
                raise DialError(f"The dial has no setting called {name[:40]!r}.")
            try:
                read[name] = rule(value)
            except ValueError as error:
                raise DialError(f"{name}: {error}") from None
        dial = replace(self, **read)  # type: ignore[arg-type]  # RULES gives each field its own type
        if dial.delivered_percent + dial.failed_percent > 100:
            raise DialError("delivered_percent and failed_percent are more than 100 together.")
        if sum(dial.failures.values()) > 100:
            raise DialError("failures: the percents are more than 100 together.")
        return dial

    def as_json(self) -> dict[str, object]:
        """The dial as plain JSON values, in the form that `turned` reads."""
        return {**asdict(self), "spelling": list(self.spelling), "failures": dict(self.failures)}


def read_kinds(value: object) -> tuple[Kind, ...]:
    """A list of kinds (names, or one text with commas); `ok` is a request that goes well."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or len(names) > 10_000:
        raise ValueError("must be a list of at most 10,000 kinds.")
    return tuple(parse_kind(name) for name in names)


def _whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        text = value.strip() if isinstance(value, str) else value
        if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 12:
            text = int(text)
        if isinstance(text, bool) or not isinstance(text, int) or not low <= text <= high:
            raise ValueError(f"must be a whole number from {low} to {high}.")
        return text

    return read


def _percent(value: object) -> float:
    number = value
    if isinstance(number, str):
        try:
            number = float(number) if number.strip() else 0.0
        except ValueError:
            number = None
    # A NaN is in no range, so it ends here as well.
    if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number <= 100:
        raise ValueError("must be a number from 0 to 100.")
    return number


def _yes(value: object) -> bool:
    known = {
        "1": True,
        "on": True,
        "true": True,
        "yes": True,
        "0": False,
        "off": False,
        "false": False,
        "no": False,
    }
    known[""] = False
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in known:
        return known[value.lower()]
    raise ValueError("must be true or false.")


def _failures(value: object) -> dict[str, float]:
    if isinstance(value, str):
        pairs = [pair.partition("=") for pair in value.replace(",", " ").split()]
        value = {name: percent for name, _, percent in pairs} if all(pair[2] for pair in pairs) else None
    if not isinstance(value, Mapping):
        raise ValueError("must be kinds with percents, such as lost=3,http500=5.")
    return {parse_kind(name).name: share for name, percent in value.items() if (share := _percent(percent))}


def _spelling(value: object) -> tuple[str, ...]:
    words = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(words, (list, tuple)) or not all(word in SPELLINGS for word in words):
        raise ValueError(f"must be any of {', '.join(SPELLINGS)}.")
    return tuple(word for word in SPELLINGS if word in words)


def _away(value: object) -> str:
    if value not in AWAY:
        raise ValueError(f"must be one of {', '.join(AWAY)}.")
    return str(value)


DAY = 86_400
RULES: dict[str, Callable[[object], object]] = {
    "latency_ms": _whole(0, 600_000),
    "latency_max_ms": _whole(0, 600_000),
    "failures": _failures,
    "early_percent": _percent,
    "repeat_percent": _percent,
    "shuffle": _yes,
    "report_delay_ms": _whole(0, DAY * 1000),
    "late_seconds": _whole(0, DAY),
    "delivered_percent": _percent,
    "failed_percent": _percent,
    "dedup_seconds": _whole(0, DAY),
    "dedup_same_msgid": _yes,
    "dedup_charged": _yes,
    "away": _away,
    "away_seconds": _whole(1, 3600),
    "spelling": _spelling,
    "report_tries": _whole(1, 20),
    "report_connections": _whole(1, 32),
    "hang_seconds": _whole(1, 3600),
    "huge_megabytes": _whole(1, 4096),
}
SWITCHES = tuple(spec.name for spec in fields(Dial) if spec.type == "bool")
