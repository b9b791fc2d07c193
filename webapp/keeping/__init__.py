"""Keeping what teams trust Tidings with: copies, moving to another database, changing keys.

Commands alone use it, never a page: each of them needs a right that no web process has.
"""


class KeepingError(Exception):
    """It could not be done; the text is one or two sentences for the operator, and says what is safe."""
