"""Tidings: teams send SMS campaigns through a bulk gateway and know what became of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

    from webapp.settings import Settings


def create_app(settings: Settings | None = None, **overrides: Any) -> Flask:
    """Make the web application; see `webapp.application`.

    The import is here because the supervisor and the practice gateway live in this package too, and stay
    small by not loading Flask and SQLAlchemy.
    """
    from webapp.application import build

    return build(settings, **overrides)
