"""Brings files through the pages, and does by hand what a worker would do."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from tests.factories import Person
from webapp import tenancy
from webapp.contacts.imports import line, queries
from webapp.contacts.imports.models import ContactImport
from webapp.contacts.models import Contact

FIGURES = ("rows", "ready", "already", "added", "updated", "same", "left_out")


@dataclasses.dataclass(frozen=True)
class Importer:
    """Somebody at a browser who imports files."""

    app: Flask
    person: Person
    browser: FlaskClient

    @contextmanager
    def team(self) -> Iterator[Session]:
        with self.app.test_request_context(), tenancy.team_scope(self.person.team_id, self.app) as session:
            yield session

    def place(self, rest: str) -> str:
        return f"/t/{self.person.team}/contacts/{rest}"

    def post(self, rest: str, **fields: Any) -> TestResponse:
        return self.browser.post(self.place(rest), data=fields)

    def page(self, import_id: int, query: str = "") -> str:
        answer = self.browser.get(self.place(f"imports/{import_id}{query}"))
        assert answer.status_code == 200, answer.text
        return answer.text

    def bring(self, content: bytes, name: str = "people.csv", query: str = "", **fields: Any) -> int:
        """Upload a file; returns the import's id."""
        answer = self.post(f"import{query}", file=(io.BytesIO(content), name), **fields)
        assert answer.status_code == 303, answer.text
        found = re.search(r"/imports/(\d+)$", answer.location)
        assert found is not None
        return int(found[1])

    def refused(self, content: bytes, name: str = "people.csv") -> str:
        """Upload a file that is not taken; returns the page."""
        answer = self.post("import", file=(io.BytesIO(content), name))
        assert answer.status_code == 422
        return answer.text

    def work(self) -> None:
        """Do what a worker would do for the team."""
        with tenancy.team_scope(self.person.team_id, self.app):
            line.work()

    def check(self, import_id: int, **fields: Any) -> ContactImport:
        """Take the columns as they are proposed, or as the fields say, and have the file checked."""
        sent = {"if_exists": "update", "group": "0", **fields}
        answer = self.post(f"imports/{import_id}/columns", **sent)
        assert answer.status_code == 303, answer.text
        self.work()
        return self.get(import_id)

    def start(self, import_id: int) -> ContactImport:
        assert self.post(f"imports/{import_id}/start").status_code == 303
        self.work()
        return self.get(import_id)

    def whole(
        self, content: bytes, name: str = "people.csv", query: str = "", **fields: Any
    ) -> ContactImport:
        """Bring, check and import a file."""
        import_id = self.bring(content, name, query)
        self.work()
        self.check(import_id, **fields)
        return self.start(import_id)

    def undo(self, import_id: int) -> ContactImport:
        assert self.post(f"imports/{import_id}/undo").status_code == 303
        self.work()
        return self.get(import_id)

    def get(self, import_id: int) -> ContactImport:
        """The import as it is in the database, by itself."""
        with self.team() as session:
            one = queries.get(import_id)
            assert one is not None
            session.expunge(one)
            return one

    def people(self) -> dict[str, tuple[str, dict[str, str]]]:
        """All contacts by number: name and fields."""
        with self.team() as session:
            return {one.mobile: (one.name, one.fields) for one in session.query(Contact)}

    def change(self, act: Callable[[], object]) -> None:
        """Do something in the team, and commit it."""
        with self.team() as session:
            act()
            session.commit()


def sums(one: ContactImport) -> dict[str, int]:
    """The figures of an import that are not 0."""
    return {name: getattr(one, name) for name in FIGURES if getattr(one, name)}


def table(*rows: str, encoding: str = "utf-8") -> bytes:
    """Rows as a file."""
    return ("\n".join(rows) + "\n").encode(encoding)
