"""The gateway's own document as bytes."""

from pathlib import Path

FOLDER = Path(__file__).parent / "documents"


def seed(name: str) -> bytes:
    """One request or answer of the document."""
    return (FOLDER / f"{name}.json").read_bytes()
