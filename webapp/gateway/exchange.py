"""What happened on the wire in one call, before anybody says what it means.

The one question that decides whether a person may be reached twice is whether a byte of the request can have
left this machine. `Kind` answers it exactly; where that cannot be known, the answer is yes.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How one call ended, as seen from this machine."""

    # Nothing left this machine.
    NAME_UNKNOWN = "name_unknown"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    WITHHELD = "withheld"
    # The request, or a part of it, left; no whole answer came.
    LOST_AFTER_SEND = "lost_after_send"
    ANSWER_TIMEOUT = "answer_timeout"
    CUT = "cut"
    TOO_LONG = "too_long"
    GARBLED = "garbled"
    # A whole HTTP answer came, whatever it says.
    ANSWERED = "answered"

    @property
    def nothing_left(self) -> bool:
        """Whether it is certain that not one byte of the request left this machine."""
        return self in NOTHING_LEFT


NOTHING_LEFT = frozenset(
    {
        Kind.NAME_UNKNOWN,
        Kind.REFUSED,
        Kind.UNREACHABLE,
        Kind.CONNECT_TIMEOUT,
        Kind.TLS_FAILED,
        Kind.WITHHELD,
    }
)


@dataclass(frozen=True)
class Exchange:
    """One call: how it ended, the HTTP status if one came, and what was read of the body (at most 64 KiB)."""

    kind: Kind
    http_status: int | None = None
    # Gateways have been seen to echo what they were sent, so a body is never shown by accident.
    body: bytes = field(default=b"", repr=False)
