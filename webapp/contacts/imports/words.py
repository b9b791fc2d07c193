"""What pages say about imports: states, kinds of problems, reasons, what became of it."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from webapp.contacts.imports import guessing, sorting
from webapp.contacts.imports.files import MOST_ROWS
from webapp.contacts.imports.models import ContactImport, ImportProblem, ImportState
from webapp.contacts.imports.sorting import Kind
from webapp.contacts.numbers import Reason
from webapp.errors import Words
from webapp.reading import number

# Label, tone and icon of each state.
STATES: dict[str, tuple[Words, str, str]] = {
    ImportState.READING: (_l("Reading the file"), "info", "clock"),
    ImportState.UPLOADED: (_l("Waits for you: columns"), "odd", "pencil"),
    ImportState.CHECKING: (_l("Checking"), "info", "clock"),
    ImportState.CHECKED: (_l("Waits for you: import"), "odd", "eye"),
    ImportState.IMPORTING: (_l("Importing"), "info", "clock"),
    ImportState.DONE: (_l("Imported"), "ok", "check"),
    ImportState.FAILED: (_l("Not imported"), "bad", "circle-alert"),
    ImportState.UNDOING: (_l("Being undone"), "info", "clock"),
    ImportState.UNDONE: (_l("Undone"), "wait", "minus"),
    ImportState.DISCARDED: (_l("Discarded"), "wait", "minus"),
}

KINDS: dict[str, Words] = {
    Kind.NOT_MOBILE: _l("Not a mobile number"),
    Kind.ROUNDED: _l("Number shortened by Excel"),
    Kind.FOREIGN: _l("Not a mainland number"),
    Kind.EMPTY: _l("Phone is empty"),
    Kind.TWICE: _l("Same number twice in the file"),
    Kind.NAME: _l("Name cannot be used"),
    Kind.VALUE: _l("Field cannot be used"),
    Kind.CELLS: _l("More cells than columns"),
    Kind.BROKEN: _l("Damaged characters"),
    Kind.QUOTES: _l("Quotation marks do not match"),
    Kind.LINE: _l("Row is too long"),
}

REASONS: dict[str, Words] = {
    Kind.ROUNDED: _l("Excel has shortened this number; its last digits are lost."),
    Kind.FOREIGN: _l("This is not a number of the mainland."),
    Kind.EMPTY: _l("There is no phone number in this row."),
    Kind.TWICE: _l("This number stands further up in the file already. The first row counts."),
    Kind.NAME: _l("A name can have at most 40 characters and no brackets 【 】."),
    Kind.VALUE: _l("A field can have at most 200 characters and no brackets 【 】."),
    Kind.CELLS: _l("This row has more cells than the file has columns."),
    Kind.BROKEN: _l("Some characters were damaged before the file came here."),
    Kind.QUOTES: _l("A quotation mark is opened and not closed, or closed in the middle of a cell."),
    Kind.LINE: _l("This row is longer than 64 KB."),
}

NUMBER_REASONS: dict[Reason, Words] = {
    Reason.TOO_SHORT: _l("This number has fewer than 11 digits."),
    Reason.TOO_LONG: _l("This number has more than 11 digits."),
    Reason.NOT_MOBILE: _l("No mobile number of the mainland begins like this."),
    Reason.NOT_NUMBER: _l("This is no phone number."),
}

WHY: dict[str, Words] = {
    "unreadable": _l(
        "This file cannot be read. It may be damaged, protected by a password, or no workbook at all. "
        "Save it as CSV and bring that."
    ),
    "too_large": _l("This workbook is too large when it is unpacked. Save the sheet as CSV and bring that."),
    "too_many_columns": _l("This file has more than 50 columns. Take out those that you do not need."),
    "too_many_rows": _l("This file has more than 1,000,000 rows. Bring it in several parts."),
    "empty": _l("There is no row in this file but its headings."),
    "gone": _l("The file was kept for 24 hours and is not there any more. Bring it once more."),
    "stopped": _l("Somebody stopped it."),
    "fault": _l("Something broke on our side. Your file is all right; try it once more."),
}


def reason_of(problem: ImportProblem) -> Words:
    """Why this row is left out, as a sentence."""
    if problem.kind != Kind.NOT_MOBILE or problem.column is None:
        return REASONS.get(problem.kind, NUMBER_REASONS[Reason.NOT_NUMBER])
    said = problem.cells[problem.column] if problem.column < len(problem.cells) else ""
    found = sorting.number_words(said)
    return NUMBER_REASONS.get(found, NUMBER_REASONS[Reason.NOT_NUMBER]) if isinstance(found, Reason) else ""


def heads_of(one: ContactImport) -> list[str]:
    """The headings of the columns; one without gets its number."""
    return [column["head"] or _("Column %(n)s", n=at) for at, column in enumerate(one.columns, start=1)]


def damage(one: ContactImport, cells: list[str]) -> str | None:
    """The warning where the numbers of the phone column were shortened; `cells`: what stands in it."""
    shortened = next((cell for cell in cells if sorting.number_words(cell) is Reason.ROUNDED), None)
    at = next((at for at, column in enumerate(one.columns) if column["to"] == "mobile"), None)
    if shortened is None or at is None:
        return None
    return _(
        "Column “%(column)s” contains %(cell)s. Excel has shortened the numbers; format the column as text, "
        "bring the numbers in again and save the file once more.",
        column=heads_of(one)[at], cell=shortened.strip(),
    )  # fmt: skip


def missing_phone(one: ContactImport) -> str:
    """That no column holds phone numbers, with the headings that there are."""
    found = ", ".join(column["head"] for column in one.columns if column["head"])
    if not found:
        return _("We need a phone column.")
    return _("We need a phone column. Found: %(columns)s.", columns=found)


def progress(one: ContactImport, place: int) -> str:
    """What is happening right now. `place`: imports of the team that come before it."""
    if place:
        return ngettext(
            "Waiting in line: one import is worked on at a time, and %(num)s comes before this one.",
            "Waiting in line: one import is worked on at a time, and %(num)s come before this one.",
            place,
        )
    if one.state == ImportState.READING:
        return _("Reading the file …")
    if one.state == ImportState.CHECKING:
        total = max(one.last_row - one.has_header, one.rows)
        return _("Checked %(n)s of %(total)s", n=number(one.rows), total=number(total))
    if one.state == ImportState.UNDOING:
        return _("Undoing: %(n)s taken back so far", n=number(int(one.undo.get("deleted", 0))))
    done = one.added + one.updated + one.same
    return _("Imported %(n)s of %(total)s", n=number(done), total=number(one.ready))


def part_done(one: ContactImport) -> tuple[int, int]:
    """How much of the step at hand is done, and of how much."""
    if one.state == ImportState.CHECKING:
        return one.rows, max(one.last_row - one.has_header, one.rows, 1)
    if one.state == ImportState.UNDOING:
        return int(one.undo.get("deleted", 0)), max(one.added, 1)
    return one.added + one.updated + one.same, max(one.ready, 1)


LIMITS = {"rows": MOST_ROWS, "columns": guessing.MOST_COLUMNS}
