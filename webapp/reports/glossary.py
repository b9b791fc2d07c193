"""The words of this program for the people who use it; docs/glossary.md has these and those of its makers.

A test holds that both say the same, in both languages.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

from webapp.errors import Words

# A word and what it is, in the order in which somebody meets them.
TERMS: tuple[tuple[Words, Words], ...] = (
    (
        _l("team"),
        _l("A shop, clinic or school that uses Tidings. Everything but people belongs to exactly one team."),
    ),
    (_l("member, role"), _l("A person in a team: owner, admin, sender or viewer.")),
    (
        _l("owner, admin, sender, viewer"),
        _l(
            "What a member may do: everything; everything but giving the team away; write and send; look, "
            "with numbers masked."
        ),
    ),
    (
        _l("gateway"),
        _l(
            "The service that takes messages and hands them to the phone networks. The operator of a Tidings "
            "site lists the gateways; a team picks one."
        ),
    ),
    (
        _l("gateway account"),
        _l("A team's account at a gateway: uid and pwd, sealed, with what is known of its state."),
    ),
    (
        _l("balance, reading"),
        _l("What is left at the gateway, in messages, and one answer to the question how much that is."),
    ),
    (
        _l("line"),
        _l("The balance below which owners and admins are told by mail, once until it was above it again."),
    ),
    (
        _l("pace"),
        _l(
            "What was handed over through an account in the last 14 days; it says how long the balance lasts."
        ),
    ),
    (
        _l("callback address"),
        _l("The address of Tidings, one per gateway account, to which the gateway posts delivery reports."),
    ),
    (
        _l("campaign"),
        _l(
            "One text to one audience through one gateway account, for its whole life: draft, planning, "
            "starting, sending, waiting for reports, finished."
        ),
    ),
    (
        _l("draft"),
        _l("A campaign that nobody has confirmed; it is saved as it is written, complete or not."),
    ),
    (_l("field"), _l("A place in a text, `{name}`, that is filled in for each recipient.")),
    (
        _l("signature"),
        _l("The sender's name in 【 】 before the text; operators drop messages without one."),
    ),
    (
        _l("part"),
        _l("What a message is billed in: up to 70 characters one part, a longer one a part per 67."),
    ),
    (_l("audience"), _l("Who a campaign is for, frozen when it is confirmed.")),
    (_l("recipient"), _l("One number of a frozen audience.")),
    (
        _l("message"),
        _l("What one recipient gets. What became of it is its own outcome, else the state of its batch."),
    ),
    (
        _l("batch"),
        _l("The numbers that go in one request, frozen in their order from the first attempt on."),
    ),
    (_l("delay"), _l("The seconds between confirm and the first batch.")),
    (
        _l("sending hours"),
        _l("When campaigns of a kind (notice, marketing) may go out, in the team's time zone."),
    ),
    (_l("missed"), _l("A scheduled campaign that was found too late to start.")),
    (_l("report"), _l("What the gateway says became of one message.")),
    (
        _l("not confirmed"),
        _l("A request left and no clear answer came: it may or may not have been sent."),
    ),
    (_l("operator"), _l("The phone network a number was issued by, guessed from its range.")),
    (_l("opt-out"), _l("A number that gets nothing from the team any more.")),
    (
        _l("export"),
        _l("A file of recipients or figures, made by a job for the person who asked, there for one hour."),
    ),
    (
        _l("practice gateway"),
        _l("The program that plays the gateway on this machine. It cannot reach a phone."),
    ),
)
