"""What the page of an import shows in each of its states."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from flask import Response, request

from webapp import clock
from webapp.contacts.fields import names
from webapp.contacts.imports import files, queries, words
from webapp.contacts.imports.forms import PLACES, ColumnsForm, ReadingForm
from webapp.contacts.imports.models import IN_LINE, Column, ContactImport, ImportProblem, ImportState
from webapp.errors import DomainError
from webapp.pages import render

POLL_SECONDS = 1
SHOWN_ROWS = 5


class ImportPage:
    """One import as its page shows it. `problem`, `form`, `chosen`: a form of columns that was refused."""

    def __init__(
        self,
        one: ContactImport,
        *,
        problem: DomainError | None = None,
        form: ColumnsForm | None = None,
        chosen: Sequence[Column] | None = None,
    ) -> None:
        self.one = one
        self.problem = problem
        self._form = form
        self.columns = chosen or one.columns
        self.heads = words.heads_of(one)
        self.places = PLACES

    def answer(self, kind: str | None, status: int = 200) -> Response:
        """The page, or the block of it that htmx asks for."""
        shown = kind if kind in self.one.problems else None
        return render(
            "imports/show.html", block="step", status=status, page=self, one=self.one, kind=shown,
            rows=self.problems_of(shown) if shown else [], state=words.STATES[self.one.state],
            heard=request.args.get("said"), reason_of=words.reason_of,
            kinds=words.KINDS, why=words.WHY, states=ImportState,
        )  # fmt: skip

    @property
    def working(self) -> bool:
        """Whether a worker has something to do, so that the page looks again by itself."""
        return self.one.state in IN_LINE

    @cached_property
    def place(self) -> int:
        """How many imports of the team come before this one."""
        line = queries.line() if self.working else []
        return list(line).index(self.one.id) if self.one.id in line else 0

    @property
    def version(self) -> str:
        """Changes with what the page shows while a worker is at it."""
        return f"{self.one.state}-{self.one.cursor}-{self.place}-{self.one.undo.get('deleted', 0)}"

    @property
    def said(self) -> str:
        """Changes with what is read out: each state, and each quarter of the way."""
        done, total = self.part
        return f"{self.one.state}-{4 * done // total if self.working else 0}"

    @property
    def sentence(self) -> str:
        """What is happening right now."""
        return words.progress(self.one, self.place)

    @property
    def part(self) -> tuple[int, int]:
        """How much of the step is done, and of how much."""
        return words.part_done(self.one)

    @cached_property
    def beginning(self) -> list[list[str]]:
        """The first rows of the file, without the headings."""
        rows = [record.cells for record in files.beginning(self.one)]
        return rows[1:] if self.one.has_header else rows

    def examples(self, at: int) -> list[str]:
        """What stands in a column in the first rows."""
        return [row[at][:60] if at < len(row) else "" for row in self.beginning[:SHOWN_ROWS]]

    @property
    def damage(self) -> str | None:
        """The warning where the numbers were shortened by a spreadsheet."""
        at = next((at for at, column in enumerate(self.one.columns) if column["to"] == "mobile"), 0)
        return words.damage(self.one, [row[at] for row in self.beginning if at < len(row)])

    @property
    def has_phone(self) -> bool:
        """Whether a column is the phone."""
        return any(column["to"] == "mobile" for column in self.columns)

    @property
    def missing_phone(self) -> str:
        """That no column is the phone."""
        return words.missing_phone(self.one)

    @cached_property
    def columns_form(self) -> ColumnsForm:
        """Group, and what happens to people who are here already."""
        return self._form or ColumnsForm.of(self.one, formdata=None)

    @cached_property
    def reading_form(self) -> ReadingForm:
        """How the file is read."""
        return ReadingForm.of(self.one, formdata=None)

    @cached_property
    def fields(self) -> list[str]:
        """The team's fields."""
        return names()

    @property
    def bad(self) -> int:
        """Rows with a problem."""
        return self.one.rows - self.one.ready

    @property
    def by_kind(self) -> list[tuple[str, int]]:
        """Kinds of problems with their numbers, the largest first."""
        return sorted(self.one.problems.items(), key=lambda pair: (-pair[1], pair[0]))

    @cached_property
    def keeps_problems(self) -> bool:
        """Whether the left-out rows can still be looked at."""
        return queries.keeps_problems(self.one.id)

    @property
    def can_undo(self) -> bool:
        """Whether it was finished less than a day ago."""
        finished = self.one.finished_at
        return (
            self.one.state == ImportState.DONE
            and finished is not None
            and finished + files.LIFETIME > clock.now()
            and bool(self.one.added or self.one.updated or self.one.group_id)
        )

    def problems_of(self, kind: str) -> list[ImportProblem]:
        """The first rows of a kind."""
        return queries.problems_of(self.one.id, kind)
