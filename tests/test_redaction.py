"""The net below the logs: numbers, tokens and secrets are taken out, ids and moments stay legible."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from webapp import logs
from webapp.sealing import Secret

MOBILES = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
FORMS = (
    "{0}{1}{2}", "+86{0}{1}{2}", "86{0}{1}{2}", "0086{0}{1}{2}", "0{0}{1}{2}", "{0} {1} {2}", "{0}-{1}-{2}",
    "+86 {0} {1} {2}", "+86-{0}-{1}-{2}", "86 {0}{1}{2}", "(86){0}{1}{2}", "(+86) {0} {1} {2}",
    "0086 {0}-{1}-{2}", "{0}.{1}.{2}", "{0}  {1}  {2}", "{0}\u00a0{1}\u00a0{2}", "{0} {1}{2}", "{0}{1} {2}",
    "%2B86{0}{1}{2}", "%2b86%20{0}%20{1}%20{2}", "%20{0}{1}{2}", "%2B86+{0}+{1}+{2}", "%22{0}{1}{2}%22",
    "\\xa0{0}{1}{2}", "\\u00a0{0}{1}{2}", '"mobile":"{0}{1}{2}"', "mobile={0}{1}{2}&x=1", "tel:+86{0}{1}{2}",
)  # fmt: skip
# Whatever may stand around a number but digits, and signs that are a part of one.
AROUND = st.text(st.characters(exclude_categories=["Nd", "Cs"]), max_size=12)


def digits(text: str) -> str:
    """Only its digits, the escapes of URLs and of Python undone first."""
    plain = re.sub(r"%[0-9A-Fa-f]{2}|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}", " ", text)
    return re.sub(r"\D", "", plain)


@given(MOBILES, st.sampled_from(FORMS), AROUND, AROUND)
def test_no_full_number_is_left(mobile: str, form: str, before: str, after: str) -> None:
    written = form.format(mobile[:3], mobile[3:7], mobile[7:])
    shown = logs.redact(f"{before} {written}{after}")
    assert mobile not in digits(shown)
    assert f"*{mobile[7:]}" in shown


@given(
    st.lists(MOBILES, min_size=2, max_size=4), st.sampled_from([",", ", ", "\n", "%2C", "%2C%20", ";", "、"])
)
def test_no_number_of_a_list_is_left(mobiles: list[str], between: str) -> None:
    shown = logs.redact(between.join(mobiles))
    assert not any(mobile in shown for mobile in mobiles)


@pytest.mark.parametrize(
    "text",
    [
        "１３８００００１２３４",
        "n13800001234x",
        quote("+86 138-0000-1234"),
        repr("\xa013800001234"),
        "/r/x?m=13800001234",
    ],
)
def test_a_number_in_odd_dress(text: str) -> None:
    shown = logs.redact(text)
    assert "0000" not in shown
    assert "００００" not in shown


@given(st.from_regex(r"[1-9][0-9]{15,20}", fullmatch=True))
def test_an_id_is_left_alone(number: str) -> None:
    assert logs.redact(f"campaign {number} of team={number}") == f"campaign {number} of team={number}"


@given(st.binary(min_size=16, max_size=32))
def test_a_hash_is_left_alone(data: bytes) -> None:
    if re.search("[a-f]", data.hex()):
        assert logs.redact(data.hex()) == data.hex()


@given(st.uuids())
def test_a_uuid_is_left_alone(value: object) -> None:
    assert logs.redact(f"key={value}") == f"key={value}"


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_left_alone(moment: datetime) -> None:
    for text in (moment.isoformat(), f"{moment:%Y-%m-%d %H:%M:%S.%f}", f"{moment:%Y%m%d%H%M%S}"):
        assert logs.redact(text) == text


@pytest.mark.parametrize(
    "text", ["1784000000.123456", "1784000000000", "took 138.42 s of 1500", "12345678901", "10 of 12480"]
)
def test_other_figures_are_left_alone(text: str) -> None:
    assert logs.redact(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "/r/8Jq_0aVd-fT2wX", "https%3A%2F%2Fx.example%2Fr%2F8Jq_0aVd-fT2wX", "{'pwd': '8Jq_0aVd-fT2wX'}",
        '{"uid": "8Jq_0aVd-fT2wX", "x": 1}', "POST uid=8Jq_0aVd-fT2wX&x=1",
    ],
)  # fmt: skip
def test_tokens_and_named_secrets_are_taken_out(text: str) -> None:
    shown = logs.redact(text)
    assert "8Jq_0aVd" not in shown
    assert "***" in shown


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the program writes to its log; logging is put back as it was."""
    root = logging.getLogger()
    before = list(root.handlers), root.level, structlog.get_config()
    logs.configure()
    stream = io.StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers, root.level = before[0], before[1]
    structlog.configure(**before[2])


def event(stream: io.StringIO) -> dict[str, Any]:
    """The one line that was written."""
    (line,) = stream.getvalue().splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


class Carrier:
    """An object whose text tells a number."""

    def __repr__(self) -> str:
        return "Carrier(+86 138 0000 1234)"


def test_values_of_every_kind_pass_the_net(written: io.StringIO) -> None:
    structlog.get_logger("x").warning(
        "seen 13800001234", number=13800001234, nested={"a": [{"pwd": "quince", "to": ("8613800001234",)}]},
        Pwd="quince", carrier=Carrier(), raw=b"13800001234", seal=Secret("quince"), keys={"13800001234": 1},
        id=7_345_678_901_234_567_890, share=0.5, done=True,
    )  # fmt: skip
    found = event(written)
    assert "quince" not in written.getvalue()
    assert "0000" not in written.getvalue()
    assert found["nested"] == {"a": [{"pwd": "***", "to": ["*1234"]}]}
    assert (found["id"], found["share"], found["done"]) == (7_345_678_901_234_567_890, 0.5, True)


@pytest.mark.parametrize("through", ["structlog", "logging"])
def test_exceptions_pass_the_net(written: io.StringIO, through: str) -> None:
    logger: Any = structlog.get_logger("x") if through == "structlog" else logging.getLogger("library")
    try:
        raise ValueError("cannot send to +86 138-0000-1234 with {'pwd': 'quince'} at /r/8Jq_0aVd-fT2wX")
    except ValueError:
        logger.exception("it failed for %s", "008613800001234")
    found = event(written)
    assert "ValueError" in found["exception"]
    for secret in ("0000", "quince", "8Jq_0aVd"):
        assert secret not in written.getvalue()
