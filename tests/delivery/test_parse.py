"""Every spelling of a report, and everything that is none."""

from __future__ import annotations

import gzip
import re
import zlib
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.delivery.parse import MOST_BYTES, RAW_KEPT, Report, Unreadable, parse, read, read_time

AT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
PLAIN = b"Report=800000,13800000000,DELIVRD,1700000000"
EXPECTED = Report("800000", "13800000000", "DELIVRD", "1700000000", AT)


def only(body: bytes, encoding: str = "") -> Report:
    parsed = parse(body, encoding)
    assert parsed.unreadable == []
    assert len(parsed.reports) == 1
    return parsed.reports[0]


@pytest.mark.parametrize(
    "body",
    [
        PLAIN,
        b"Report=800000, 13800000000, DELIVRD, 1700000000",
        PLAIN + b"\r\n",
        b"\xef\xbb\xbf" + PLAIN,
        b"report=800000,13800000000,DELIVRD,1700000000",
        b"Report = 800000,13800000000,DELIVRD,1700000000",
        b"800000,13800000000,DELIVRD,1700000000",
        quote(PLAIN).encode(),
        quote_plus(PLAIN, safe="=").encode(),
        b"Report=800000%2C13800000000%2cDELIVRD%2C1700000000",
        b"Report=800000,+13800000000,+DELIVRD,+1700000000",
        b"Report=800000,+8613800000000,DELIVRD,1700000000",
        b"Report=800000,%2B8613800000000,DELIVRD,1700000000",
        b"Report=800000,8613800000000,DELIVRD,1700000000",
        b"Report=800000,0086 138-0000-0000,DELIVRD,1700000000",
        b"Report=800000,+86 138 0000 0000,DELIVRD,1700000000",
        gzip.compress(PLAIN, mtime=0),
        gzip.compress(PLAIN[:20], mtime=0) + gzip.compress(PLAIN[20:], mtime=0),
    ],
)
def test_one_report_however_it_is_written(body: bytes) -> None:
    assert only(body) == EXPECTED


@pytest.mark.parametrize("encoding", ["", "gzip", "x-gzip", "identity", "nonsense", "deflate"])
def test_content_encoding_is_a_hint_that_bytes_overrule(encoding: str) -> None:
    assert only(PLAIN, encoding) == EXPECTED
    assert only(gzip.compress(PLAIN), encoding) == EXPECTED


def test_deflate_with_and_without_its_header() -> None:
    bare = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    assert only(zlib.compress(PLAIN), "Deflate") == EXPECTED
    assert only(bare.compress(PLAIN) + bare.flush(), "deflate") == EXPECTED


@pytest.mark.parametrize(
    "separator", [b"&Report=", b";", b"\n", b"\r\n", b"&", b";\n", b"%0A", b"%26Report%3D", b";;"]
)
def test_several_in_one_body(separator: bytes) -> None:
    second = b"800001,13900000000,UNKNOWN,1700000001"
    parsed = parse(PLAIN + separator + second)
    assert parsed.unreadable == []
    assert [report.msgid for report in parsed.reports] == ["800000", "800001"]
    assert parsed.reports[0] == EXPECTED
    assert parsed.reports[1].status == "UNKNOWN"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1700000000", AT),
        ("1700000000123", AT.replace(microsecond=123000)),
        ("2023-11-15 06:13:20", AT),
        ("2023/11/15 06:13:20", AT),
        ("2023-11-15T06:13:20", AT),
        ("999999999", datetime(2001, 9, 9, 1, 46, 39, tzinfo=UTC)),
        ("", None),
        ("timestamp", None),
        ("0", None),
        ("9999999999999", None),
        ("99999999999999999999999999", None),
        ("2023-02-30 06:13:20", None),
        ("2023-11-15 25:13:20", None),
        ("0000-00-00 00:00:00", None),
        ("-1700000000", None),
        ("1700000000.5", None),
        ("\u0661\u0667\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660", None),
    ],
)
def test_times(text: str, moment: datetime | None) -> None:
    assert read_time(text) == moment


def test_a_time_written_by_a_form() -> None:
    report = only(b"Report=800000,13800000000,DELIVRD,2023-11-15+06%3A13%3A20")
    assert (report.time_text, report.reported_at) == ("2023-11-15 06:13:20", AT)


def test_a_time_that_cannot_be_read_does_not_lose_the_report() -> None:
    report = only(b"Report=800000,13800000000,DELIVRD,timestamp")
    assert (report.status, report.time_text, report.reported_at) == ("DELIVRD", "timestamp", None)


@pytest.mark.parametrize("word", ["MK:0001", "EXPIRED", "delivrd", "成功", "x" * 32])
def test_words_stay_as_they_came(word: str) -> None:
    for encoding in ("utf-8", "gb18030"):
        assert only(f"Report=800000,13800000000,{word},1700000000".encode(encoding)).status == word


@pytest.mark.parametrize(
    "body",
    [
        b"Report=800000, mobile number, DELIVRD, timestamp",
        b"Report=",
        b"Report",
        b"Report=800000",
        b"Report=800000,13800000000,DELIVRD",
        b"Report=800000,13800000000,,1700000000",
        b"Report=,13800000000,DELIVRD,1700000000",
        b"Report=800000,13800000000,DELIVRD,1700000000,extra",
        b"Report=800000,13800000000,DELIVRD,1700000000Report=800001,13900000000,UNKNOWN,1700000000",
        b"Report=800000,,DELIVRD,1700000000",
        b"Report=800000,138o0000000,DELIVRD,1700000000",
        b"Report=80 0000,13800000000,DELIVRD,1700000000",
        b"Report=" + b"8" * 65 + b",13800000000,DELIVRD,1700000000",
        b"Report=800000,13800000000," + b"x" * 33 + b",1700000000",
        b"Report=800000,13800000000,DELIVRD," + b"1" * 65,
        b"Report=800000,13800000000,DELI\x00VRD,1700000000",
        b"Report=800000,13800000000,DELIVRD%00,1700000000",
        b"Report=800000,13800000000,DELIVRD\xff\xff,1700000000",
        b"Report=800000,13800000000,DELIVRD%FF,1700000000",
        b"Report=800000,13800000000,DELI\x1fVRD,1700000000",
        '{"Report": "800000"}'.encode("utf-16"),
        b"<html><body>hello</body></html>",
        b'{"report":"800000,13800000000,DELIVRD,1700000000"}',
        b"\x00",
        b"\x1f\x8b broken",
        gzip.compress(PLAIN, mtime=0)[:-3],
        gzip.compress(PLAIN, mtime=0) + b"rest",
    ],
)
def test_what_is_no_report_is_kept_whole(body: bytes) -> None:
    parsed = parse(body)
    assert parsed.reports == []
    assert parsed.unreadable == [Unreadable(body, len(body))]


def test_a_good_report_among_bad_ones_is_found() -> None:
    parsed = parse(b"<html>\n<p>\n" + PLAIN + b"\n</p>;\x00")
    assert parsed.reports == [EXPECTED]
    assert [bad.raw for bad in parsed.unreadable] == [b"<html>\n<p>", b"</p>\n\x00"]


def test_long_rubbish_is_cut_but_counted() -> None:
    parsed = parse(b"x" * 60_000)
    assert [(len(bad.raw), bad.size) for bad in parsed.unreadable] == [(RAW_KEPT, 60_000)]


def test_a_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    parsed = parse(bomb)
    assert parsed.too_large
    assert parsed.reports == []
    assert not parse(gzip.compress(b"x" * MOST_BYTES)).too_large
    assert parse(gzip.compress(b"x" * (MOST_BYTES + 1))).too_large


@given(st.binary(max_size=3000), st.sampled_from(["", "gzip", "deflate", "br"]))
def test_no_bytes_make_it_raise(body: bytes, encoding: str) -> None:
    parsed = parse(body, encoding)
    assert all(bad.raw and len(bad.raw) <= RAW_KEPT for bad in parsed.unreadable)


PIECE = st.one_of(
    st.just(PLAIN),
    st.just(b"7,13900000001,UNKNOWN,1700000001"),
    st.binary(min_size=1, max_size=40),
    st.text("Report=,0123456789 \x00+", min_size=1, max_size=60).map(str.encode),
)


@given(st.lists(PIECE, min_size=1, max_size=12), st.sampled_from([b"&", b";", b"\n", b"\r\n"]))
def test_every_byte_is_a_report_or_unreadable(pieces: list[bytes], separator: bytes) -> None:
    body = separator.join(pieces)
    if body[:2] == b"\x1f\x8b" or b"%" in body:
        return
    parsed = parse(body)
    expected = [
        piece for piece in re.split(rb"[&;\r\n]", body.removeprefix(b"\xef\xbb\xbf")) if piece.strip()
    ]
    good = [report for report in map(read, expected) if report is not None]
    bad = b"".join(piece for piece in expected if read(piece) is None)
    assert parsed.reports == good
    assert b"".join(kept.raw for kept in parsed.unreadable).replace(b"\n", b"") == bad


@given(st.lists(st.sampled_from(range(4)), min_size=1, max_size=30))
def test_packing_and_encoding_change_nothing(kinds: list[int]) -> None:
    rows = [
        PLAIN,
        b"a-1,13900000000,UNKNOWN,1700000000123",
        b"x",
        b"9,13700000000,MK:0001,2023-11-15 06:13:20",
    ]
    body = b"\n".join(rows[kind] for kind in kinds)
    plain = parse(body)
    assert parse(gzip.compress(body)) == plain
    assert parse(zlib.compress(body), "deflate") == plain
    assert parse(quote(body).encode()).reports == plain.reports
