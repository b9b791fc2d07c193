"""The audit log in words: one sentence for each action that the program notes.

Sentences are whole, so that a language may order them as it likes; `%(who)s` did it, `%(what)s` is what it
was done to, the other blanks are details of the entry. An action without a sentence is shown by its own name:
a log that left something out would be worse than one that reads badly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from webapp.accounts.permissions import Role
from webapp.accounts.roles import role_word
from webapp.errors import Words
from webapp.logs import redact
from webapp.reading import NOTHING, number


class Counted(NamedTuple):
    """A sentence in two forms, and the detail that says which."""

    one: str
    many: str
    by: str


def _n(one: str, many: str, by: str) -> Counted:
    return Counted(one, many, by)


CAMPAIGNS: dict[str, Words | Counted] = {
    "campaign.drafted": _l("%(who)s began %(what)s."),
    "campaign.deleted": _l("%(who)s deleted a draft."),
    "campaign.sent": _n(
        "%(who)s sent %(what)s to %(recipients)s person.",
        "%(who)s sent %(what)s to %(recipients)s people.",
        "recipients",
    ),
    "campaign.paused": _l("%(who)s paused %(what)s."),
    "campaign.resumed": _l("%(who)s resumed %(what)s."),
    "campaign.stopped": _l("%(who)s stopped %(what)s."),
    "campaign.reopened": _l("%(who)s opened %(what)s again to edit it; nothing of it had been sent."),
    "campaign.time_changed": _l("%(who)s changed when %(what)s is sent."),
    "campaign.limit_changed": _l("%(who)s changed until when %(what)s may be sent."),
    "campaign.missed": _l("Nothing of %(what)s was sent: its time had passed while Tidings was not running."),
    "campaign.paused_by_machine": _l("Tidings paused %(what)s, because it could not go on by itself."),
    "campaign.resumed_by_machine": _l("Tidings went on with %(what)s: what stopped it is over."),
    "batch.wait": _l("%(who)s chose to wait for reports for a batch of %(what)s."),
    "batch.was_sent": _n(
        "%(who)s decided that a batch of %(what)s was sent, to %(people)s person.",
        "%(who)s decided that a batch of %(what)s was sent, to %(people)s people.",
        "people",
    ),
    "batch.do_not_send": _n(
        "%(who)s decided not to send a batch of %(what)s to %(people)s person.",
        "%(who)s decided not to send a batch of %(what)s to %(people)s people.",
        "people",
    ),
    "batch.send_again": _n(
        "%(who)s sent a batch of %(what)s again, to %(people)s person.",
        "%(who)s sent a batch of %(what)s again, to %(people)s people.",
        "people",
    ),
    "batch.adopted": _l("Reports showed that a batch of %(what)s had been sent after all."),
    "batch.taken_after_all": _l(
        "Reports showed that a batch of %(what)s had been sent when it was decided on."
    ),
    "batch.not_cut": _n(
        "Tidings did not repeat a refused request of %(what)s to %(people)s person.",
        "Tidings did not repeat a refused request of %(what)s to %(people)s people.",
        "people",
    ),
}
GATEWAYS: dict[str, Words | Counted] = {
    "gateway.connected": _l("%(who)s connected the gateway account %(what)s."),
    "gateway.credentials_changed": _l("%(who)s changed the uid and password of %(what)s."),
    "gateway.address_made": _l("%(who)s made a new callback address for %(what)s."),
    "gateway.disabled": _l("%(who)s switched %(what)s off."),
    "gateway.enabled": _l("%(who)s switched %(what)s on."),
    "gateway.changed": _l("%(who)s changed the settings of %(what)s."),
    "gateway.sends_rest": _l("Reports showed that %(what)s sends to the others when it refuses one number."),
    "gateway.promise_broken": _l("Reports showed that %(what)s sent one request twice."),
    "gateway.state": _l("Tidings noted another state of %(what)s."),
    "gateway.line_set": _l("%(who)s changed when a low balance of %(what)s is told."),
    "gateway.balance_low": _l("The balance of %(what)s fell below the line; owners and admins were told."),
    "gateway.balance_well": _l("The balance of %(what)s is above the line again."),
}
CONTACTS: dict[str, Words | Counted] = {
    "contact.added": _l("%(who)s added the contact %(number)s."),
    "contact.changed": _l("%(who)s changed the contact %(number)s."),
    "contacts.pasted": _l("%(who)s pasted numbers: %(added)s new, %(already)s already there."),
    "contacts.grouped": _n(
        "%(who)s put %(people)s person into %(what)s.",
        "%(who)s put %(people)s people into %(what)s.",
        "people",
    ),
    "contacts.taken_out": _n(
        "%(who)s took %(people)s person out of %(what)s.",
        "%(who)s took %(people)s people out of %(what)s.",
        "people",
    ),
    "contacts.opted_out": _n(
        "%(who)s opted %(people)s person out.", "%(who)s opted %(people)s people out.", "people"
    ),
    "contacts.deleted": _n(
        "%(who)s deleted %(people)s contact.", "%(who)s deleted %(people)s contacts.", "people"
    ),
    "contacts.undone": _n(
        "%(who)s undid a change of %(people)s contact.",
        "%(who)s undid a change of %(people)s contacts.",
        "people",
    ),
    "group.made": _l("%(who)s made the group %(what)s."),
    "group.renamed": _l("%(who)s renamed the group %(before)s to %(what)s."),
    "group.deleted": _l("%(who)s deleted the group %(what)s; its people stay."),
    "number.erased": _l("%(who)s had everything about %(number)s erased."),
}
IMPORTS: dict[str, Words | Counted] = {
    "import.brought": _l("%(who)s brought the file %(what)s."),
    "import.started": _n(
        "%(who)s began to import %(rows)s row of %(what)s.",
        "%(who)s began to import %(rows)s rows of %(what)s.",
        "rows",
    ),
    "import.finished": _l(
        "The import of %(what)s ended: %(added)s added, %(updated)s changed, %(same)s the same, "
        "%(left_out)s left out."
    ),
    "import.stopped": _l("%(who)s stopped the import of %(what)s."),
    "import.undo_started": _l("%(who)s began to undo the import of %(what)s."),
    "import.undone": _l("The import of %(what)s was undone."),
    "import.discarded": _l("%(who)s discarded the file %(what)s; nothing was imported."),
}
OPT_OUTS: dict[str, Words | Counted] = {
    "optouts.added": _n(
        "%(who)s opted %(people)s number out.", "%(who)s opted %(people)s numbers out.", "people"
    ),
    "optout.removed": _l("%(who)s took the opt-out of %(number)s back: %(reason)s"),
    "optouts.undone": _n(
        "%(who)s undid the opt-out of %(people)s number.",
        "%(who)s undid the opt-out of %(people)s numbers.",
        "people",
    ),
}
TEMPLATES: dict[str, Words | Counted] = {
    "template.made": _l("%(who)s saved the template %(what)s."),
    "template.changed": _l("%(who)s changed the template %(what)s."),
    "template.archived": _l("%(who)s archived the template %(what)s."),
    "template.brought_back": _l("%(who)s brought the template %(what)s back."),
}
EXPORTS: dict[str, Words | Counted] = {
    "export.asked": _n("%(who)s exported %(rows)s row.", "%(who)s exported %(rows)s rows.", "rows"),
    "export.fetched": _l("%(who)s downloaded an export."),
}
MEMBERS: dict[str, Words | Counted] = {
    "member.invited": _l("%(who)s invited %(email)s as %(role)s."),
    "member.invited_again": _l("%(who)s sent the invitation of %(email)s again."),
    "member.invitation_withdrawn": _l("%(who)s withdrew the invitation of %(email)s."),
    "member.joined": _l("%(what)s joined the team as %(role)s."),
    "member.role_changed": _l("%(who)s changed the role of %(what)s from %(before)s to %(after)s."),
    "member.removed": _l("%(who)s removed %(what)s from the team."),
    "member.left": _l("%(who)s left the team."),
}
TEAM: dict[str, Words | Counted] = {
    "team.created": _l("%(who)s created the team."),
    "team.changed": _l("%(who)s changed the settings of the team."),
    "access.refused": _l("%(who)s was refused something that the role does not include (%(permission)s)."),
}

# What the log can be narrowed to: how it is called, and which actions it holds.
FAMILIES: dict[str, tuple[Words, dict[str, Words | Counted]]] = {
    "campaigns": (_l("Campaigns"), CAMPAIGNS),
    "contacts": (_l("Contacts and groups"), CONTACTS),
    "imports": (_l("Imports"), IMPORTS),
    "opt-outs": (_l("Opt-outs"), OPT_OUTS),
    "templates": (_l("Templates"), TEMPLATES),
    "exports": (_l("Exports"), EXPORTS),
    "gateways": (_l("Gateway accounts"), GATEWAYS),
    "members": (_l("Members"), MEMBERS),
    "team": (_l("Settings and refused tries"), TEAM),
}
SENTENCES = {action: words for _label, words_of in FAMILIES.values() for action, words in words_of.items()}
_ROLE_DETAILS = frozenset({"role", "before", "after"})


def sentence(
    action: str, who: str | None, kind: str | None, what: str | None, details: Mapping[str, object]
) -> str:
    """One entry as a person reads it, without any number in full.

    `who` None: nobody, the program itself. `kind` and `what`: what it was done to, and its name by now.
    """
    person = who or _("Tidings")
    words = SENTENCES.get(action)
    if words is None:
        return redact(f"{person}: {action}")
    blanks = _Blanks({name: _shown(name, value) for name, value in details.items()})
    blanks |= {"who": person, "what": what if kind == "user" and what else _quoted(what, details)}
    if not isinstance(words, Counted):
        return redact(str(words) % blanks)
    count = details.get(words.by)
    n = count if isinstance(count, int) else 0
    return redact(
        ngettext(words.one, words.many, n, **{name: blanks[name] for name in ("who", "what", words.by)})
    )


class _Blanks(dict[str, str]):
    """Details of older entries may lack what a sentence of today asks for."""

    def __missing__(self, _name: str) -> str:
        return NOTHING


def _quoted(what: str | None, details: Mapping[str, object]) -> str:
    name = what or details.get("name") or details.get("label")
    return _("‘%(name)s’", name=name) if name else _("(gone since)")


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool) or value is None:
        return NOTHING
    if isinstance(value, int):
        return number(value)
    text = str(value)
    return role_word(text) if name in _ROLE_DETAILS and text in set(Role) else text
