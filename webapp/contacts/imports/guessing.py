"""What the first rows of a file tell: its separator, whether it has headings, what its columns are.

All of it is a proposal, shown with the rows that it came from; the person who brought the file decides.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from webapp.characters import storable
from webapp.contacts import fields
from webapp.contacts.imports.models import Column
from webapp.contacts.imports.records import SEPARATORS, is_separator_line, records
from webapp.contacts.imports.sorting import number_words
from webapp.contacts.numbers import Reason
from webapp.errors import DomainError

MOST_COLUMNS = 50
# Rows that are looked at.
MOST_LOOKED_AT = 200
# Of a hundred rows so many have the usual number of cells where the separator is right.
LEAST_ALIKE = 80
_PHONES = (
    "手机 手机号 手机号码 电话 电话号码 联系电话 联系手机 联系方式 号码 移动电话 会员手机 客户手机 客户电话 "
    "phone mobile number tel telephone cell cellphone msisdn phone_number mobile_number"
)
_NAMES = (
    "姓名 名字 名称 称呼 客户 客户姓名 客户名称 会员姓名 收件人 联系人 "
    "name fullname full_name customer contact"
)
PHONE_WORDS = {*_PHONES.split(), "phone number", "mobile number", "mobile phone", "cell phone"}
NAME_WORDS = {*_NAMES.split(), "full name", "customer name", "contact name"}
# The column that the list of left-out rows comes with.
PROBLEM_WORDS = frozenset({"problem", "问题"})


def separator(text: str, *, blanks: bool = False) -> str:
    """The separator with which most rows have the same number of cells, more than one; else a comma.

    Where several do, the one that is seldom part of a text.
    `blanks`: a blank may be one, as in a paste.
    """
    first = text.split("\n", 1)[0].rstrip("\r")
    if is_separator_line(first) and first[4] in SEPARATORS:
        return first[4]
    found: tuple[int, int, str] = (0, 0, ",")
    for candidate in (*SEPARATORS, *((" ",) if blanks else ())):
        rows = itertools.islice(records([text], candidate), MOST_LOOKED_AT)
        widths = Counter(len(row.cells) for row in rows if row.fault is None)
        wide = [(count, width) for width, count in widths.items() if width > 1]
        if wide:
            count, width = max(wide)
            alike = 100 * count // sum(widths.values())
            if alike >= LEAST_ALIKE and (alike, width) >= found[:2]:
                found = alike, width, candidate
    return found[2]


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row says what stands in the columns: it holds no number itself."""
    return bool(rows) and not any(_is_number(cell) for cell in rows[0])


def columns(rows: Sequence[Sequence[str]], header: bool, *, only_numbers: bool = False) -> list[Column]:
    """What each column probably is.

    `only_numbers`: nothing but the column of numbers is wanted. Without such a column none is "mobile".
    """
    body = rows[1:] if header else rows
    # Not the widest row's: that one may have a cell too many.
    usual = Counter(len(row) for row in body).most_common(1)
    width = max(len(rows[0]) if header else 0, usual[0][0] if usual else 0)
    heads = [storable(_cell(rows[0], at)).strip()[:100] if header else "" for at in range(width)]
    mobile = _phone_column(heads, body)
    taken: set[str] = set()
    found: list[Column] = []
    for at, head in enumerate(heads):
        if at == mobile:
            found.append(Column(head=head, to="mobile", field=""))
        elif only_numbers:
            found.append(Column(head=head, to="skip", field=""))
        else:
            to, field = _other(head, [_cell(row, at) for row in body], taken, header)
            taken.add(field or to)
            found.append(Column(head=head, to=to, field=field))
    return found


def _phone_column(heads: Sequence[str], body: Sequence[Sequence[str]]) -> int | None:
    """The column with the most numbers, one that is called so before others; None where there is none."""
    best: tuple[float, int] | None = None
    for at, head in enumerate(heads):
        said = [cell for row in body if (cell := _cell(row, at)).strip()]
        share = sum(map(_is_number, said)) / len(said) if said else 0.0
        score = share + (0.6 if _folded(head) in PHONE_WORDS else 0.0)
        if score >= 0.5 and (best is None or score > best[0]):
            best = score, at
    return best[1] if best else None


def _other(head: str, said: Sequence[str], taken: Collection[str], header: bool) -> tuple[str, str]:
    folded = _folded(head)
    if folded in PROBLEM_WORDS or not any(cell.strip() for cell in said) or not (head or not header):
        return "skip", ""
    if "name" not in taken and (folded in NAME_WORDS or (not header and _are_names(said))):
        return "name", ""
    name = field_of(head)
    return ("field", name) if name and name not in taken else ("skip", "")


def field_of(head: str) -> str:
    """The field that a heading names, or "" where it cannot be the name of one."""
    try:
        return fields.tidy(head)
    except DomainError:
        return ""


def _are_names(said: Iterable[str]) -> bool:
    """Without a heading: short texts without digits."""
    return all(len(cell) <= 20 and not any(map(str.isdigit, cell)) for cell in said)


def _is_number(cell: str) -> bool:
    number = number_words(cell)
    return not isinstance(number, Reason) or number is Reason.ROUNDED


def _folded(head: str) -> str:
    return unicodedata.normalize("NFKC", head[:100]).strip().casefold()


def _cell(row: Sequence[str], at: int) -> str:
    return row[at] if at < len(row) else ""
