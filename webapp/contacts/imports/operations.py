"""What a person does with a file that was brought: say what its columns are, import, stop, undo, discard.

Each step is one transaction with its audit entry; whatever takes longer stands in the team's line then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from webapp import clock, stored_files
from webapp.accounts.audit import audit
from webapp.contacts import fields, groups
from webapp.contacts.imports import checking, files, guessing, queries, running, waking
from webapp.contacts.imports.models import Column, ImportState
from webapp.contacts.models import ContactGroup
from webapp.contacts.pastes import clean_name
from webapp.errors import DomainError

Act = Callable[[], object]


@dataclass(frozen=True)
class Choices:
    """What a person chose on the screen of columns. `group` an id, `new_group` a name; both may be empty."""

    columns: Sequence[Column]
    if_exists: str = "update"
    group: int | None = None
    new_group: str = ""


def check(import_id: int, chosen: Choices) -> None:
    """Let the file be checked with these choices. Raises DomainError for choices that cannot be."""
    one = queries.in_state(import_id, ImportState.UPLOADED, ImportState.CHECKED)
    one.columns = tidy_columns(chosen.columns)
    one.if_exists = chosen.if_exists
    group = groups.group(chosen.group) if chosen.group else None
    if chosen.group and group is None:
        raise DomainError(_("This group is not there any more. Choose another one."), "group")
    one.group_id = group.id if group else None
    one.group_name = group.name if group else _new_group(chosen.new_group)
    checking.forget_problems(one)
    one.state, one.queued_at, one.why = ImportState.CHECKING, clock.now(), None
    files.keep_longer(one)
    waking.wake()


def _new_group(said: str) -> str | None:
    """The name of the group that is to be made, None for none; it is made when the import begins."""
    name = clean_name(said)
    if len(name) > groups.MOST_GROUP_NAME:
        sentence = _("The name of a group can have at most %(n)s characters.", n=groups.MOST_GROUP_NAME)
        raise DomainError(sentence, "new_group")
    return name or None


def tidy_columns(columns: Sequence[Column]) -> list[Column]:
    """The columns as they are kept. Raises DomainError where they make no import."""
    if len(columns) > guessing.MOST_COLUMNS:
        raise DomainError(_("The file has more than %(n)s columns.", n=guessing.MOST_COLUMNS), "columns")
    tidied = [
        Column(
            head=one["head"], to=one["to"], field=fields.tidy(one["field"]) if one["to"] == "field" else ""
        )
        for one in columns
    ]
    if not any(one["to"] == "mobile" for one in tidied):
        found = ", ".join(one["head"] for one in tidied if one["head"])
        sentence = (
            _("We need a phone column. Found: %(columns)s.", columns=found)
            if found
            else _("We need a phone column.")
        )
        raise DomainError(sentence, "columns")
    for to, sentence in (
        ("mobile", _("Two columns cannot both be the phone. Skip one of them.")),
        ("name", _("Two columns cannot both be the name. Skip one of them, or make it a field.")),
    ):
        if sum(one["to"] == to for one in tidied) > 1:
            raise DomainError(sentence, "columns")
    named = [one["field"] for one in tidied if one["to"] == "field"]
    for name in named:
        if named.count(name) > 1:
            raise DomainError(_("Two columns cannot both go to “%(field)s”.", field=name), "columns")
    return tidied


def start(import_id: int, by: int) -> None:
    """Let the good rows of a checked file come in. Pressed twice it is one import.

    Raises DomainError where there is nothing to import, or a field or a group cannot be made.
    """
    one = queries.locked(import_id, *ImportState)
    if one is None or one.state in {ImportState.IMPORTING, ImportState.DONE}:
        return
    if one.state != ImportState.CHECKED:
        raise DomainError(_("This import is not at that step any more. Nothing was changed."))
    if not one.ready:
        raise DomainError(_("There is no row to import."))
    # Before the group is made: that it is not older tells an undo whose it is.
    now = clock.now()
    if not one.opt_outs:
        fields.ensure(column["field"] for column in one.columns if column["to"] == "field")
        if one.group_name and one.group_id is None:
            one.group_id = _group_named(one.group_name, by).id
    one.state, one.queued_at, one.started_at, one.cursor = ImportState.IMPORTING, now, now, 0
    one.added = one.updated = one.same = one.left_out = 0
    files.keep_longer(one)
    audit("import.started", "import", one.id, rows=one.ready, opt_outs=one.opt_outs)
    waking.wake()


def _group_named(name: str, by: int) -> ContactGroup:
    there = next((one for one in groups.groups() if one.name.casefold() == name.casefold()), None)
    return there or groups.make(name, by)


def stop(import_id: int) -> None:
    """Stop what a worker does for an import. What is in stays in; it can be undone."""
    one = queries.locked(import_id, ImportState.READING, ImportState.CHECKING, ImportState.IMPORTING)
    if one is None:
        return
    if one.state == ImportState.IMPORTING:
        running.finish(one, "stopped")
    elif one.state == ImportState.CHECKING:
        checking.forget_problems(one)
        one.state, one.queued_at = ImportState.UPLOADED, None
    else:
        checking.give_up(one, "stopped")
    audit("import.stopped", "import", one.id)


def undo(import_id: int, by: int) -> None:
    """Take back what an import did. Raises DomainError where that cannot be any more."""
    one = queries.locked(import_id, *ImportState)
    if one is None or one.state in {ImportState.UNDOING, ImportState.UNDONE}:
        return
    now = clock.now()
    if one.state != ImportState.DONE or one.finished_at is None or one.finished_at + files.LIFETIME < now:
        raise DomainError(_("An import can be undone for 24 hours. Nothing was changed."))
    one.state, one.queued_at, one.undone_by, one.undo = ImportState.UNDOING, now, by, {}
    audit("import.undo_started", "import", one.id)
    waking.wake()


def discard(import_id: int) -> None:
    """Throw away a file that is not imported, and what was found out about it."""
    one = queries.locked(import_id, ImportState.UPLOADED, ImportState.CHECKED, ImportState.FAILED)
    if one is None:
        raise DomainError(_("This import is not at that step any more. Nothing was changed."))
    checking.forget_problems(one)
    one.state, one.finished_at = ImportState.DISCARDED, clock.now()
    for file_id in (one.file_id, one.sheet_file_id):
        if file_id is not None:
            stored_files.forget(file_id)
    audit("import.discarded", "import", one.id)
