"""A practice gateway and a callback address for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.practice.fixture import PracticeGateway
from tests.practice.sink import Sink


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[PracticeGateway]:
    """A running practice gateway whose reports are due at once."""
    with PracticeGateway(tmp_path, report_delay_ms=0) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeGateway]:
    """One for all tests of a module that leave nothing behind in it, such as those it refuses."""
    with PracticeGateway(tmp_path_factory.mktemp("shared")) as running:
        yield running


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A running callback address."""
    with Sink() as running:
        yield running
