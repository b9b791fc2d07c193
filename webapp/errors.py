"""Errors that people see."""

from __future__ import annotations

from typing import Protocol


class Words(Protocol):
    """Text for people: a str, or a lazily translated one."""

    def __str__(self) -> str: ...


class DomainError(Exception):
    """A rule was not met. `message` is a whole sentence for people; `field` names the form field, if one."""

    def __init__(self, message: Words, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
