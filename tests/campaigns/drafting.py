"""What tests of drafts share: numbers, refusals, and things that are done at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from flask import Flask

from tests.factories import Person
from webapp import tenancy
from webapp.errors import DomainError

A, B, C, D = "13800138000", "13800138001", "13800138002", "13800138003"


def refused(act: Callable[[], object]) -> tuple[str | None, str]:
    """The field and the sentence of a refusal."""
    with pytest.raises(DomainError) as raised:
        act()
    return raised.value.field, str(raised.value.message)


def at_once(app: Flask, person: Person, acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act gave, all of them begun at the same moment, each in a session of its own."""
    gate = threading.Barrier(len(acts))
    answers: list[Any] = []

    def run(act: Callable[[], Any]) -> None:
        with app.test_request_context(), tenancy.team_scope(person.team_id, app) as opened:
            gate.wait()
            try:
                answers.append(act())
                opened.commit()
            except DomainError as error:
                answers.append(error)
            opened.rollback()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return answers
