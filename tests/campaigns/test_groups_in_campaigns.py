"""The audience of a draft from groups: who gets it, who does not and why, and what makes it another one."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from tests.campaigns.drafting import A, B, C, D, refused
from tests.campaigns.grouping import Someone, group_of, join
from tests.factories import Person, numbers
from webapp import clock, tenancy
from webapp.campaigns import cautions, counting, drafts, editing, laying, operations
from webapp.campaigns.drafts import NotPreparedError, StaleDraftError, Written
from webapp.campaigns.models import Audience, Campaign, CampaignText
from webapp.contacts import fields, groups, optouts
from webapp.contacts import operations as contacts
from webapp.contacts.queries import by_mobile
from webapp.database import new_id
from webapp.gateway.models import GatewayAccount

E = "13800138004"


@pytest.fixture
def session(app: Flask, alice: Person, account: int) -> Iterator[Session]:
    """Alice's team, in a request of its own; what is not committed is undone."""
    del account
    with app.test_request_context(), tenancy.team_scope(alice.team_id, app) as opened:
        yield opened
        opened.rollback()


@pytest.fixture(params=["at once", "in slices"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same audience, laid out at once and in slices of two."""
    if request.param == "in slices":
        monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
        monkeypatch.setattr(laying, "SET_SLICE", 2)
        monkeypatch.setattr("webapp.campaigns.people.SLICE", 2)
        monkeypatch.setattr("webapp.campaigns.clearing.MOST_CLEARED", 2)
    return str(request.param)


def laid(session: Session, campaign: Campaign) -> dict[str, str]:
    """Who gets what, as it is laid out."""
    rows = session.query(Audience.mobile, CampaignText.content).filter(
        Audience.team_id == campaign.team_id,
        Audience.campaign_id == campaign.id,
        CampaignText.team_id == campaign.team_id,
        CampaignText.campaign_id == campaign.id,
        CampaignText.text_hash == Audience.text_hash,
    )
    return {row.mobile: row.content for row in rows}


def test_groups_and_a_paste_without_those_of_other_groups(
    session: Session, alice: Person, account: int, either_way: str
) -> None:
    vip, new = group_of(session, "VIP", [A, B, C]), group_of(session, "New", [C, D])
    staff = group_of(session, "Staff", [B, E])
    optouts.opt_out([D], "hand", None, clock.now())
    campaign = drafts.draft_campaign(
        account, f"{A}\n{E}\n{A}\n12345\n13900000000", "Hello", "Shop", alice.user_id, (vip, new), (staff,)
    )
    assert laid(session, campaign) == dict.fromkeys([A, C, "13900000000"], "【Shop】Hello")
    # A stands twice in the paste and once in a group, C in both groups.
    assert campaign.left_out["counts"] == {
        "twice": 3, "too_short": 1, "in_minus": 2, "opted_out": 1,
    }  # fmt: skip
    assert set(campaign.left_out["counts"]) <= set(drafts.REASON_WORDS)
    listed = {(one["line"], one["said"], one["reason"]) for one in campaign.left_out["listed"]}
    assert {(2, E, "in_minus"), (0, A, "twice"), (0, B, "in_minus"), (0, D, "opted_out")} <= listed
    preview = drafts.preview(campaign)
    assert (preview.recipients, preview.texts, preview.requests, preview.cost) == (3, 1, 1, 3)
    look = drafts.look(drafts.written_of(campaign))
    assert (look.recipients, look.left_out, look.cost) == (3, campaign.left_out["counts"], 3)
    assert look.problems == []


MET: list[Someone] = [
    (A, "王芳", {"城市": "杭州", "积分": "1,200"}),
    (B, "李雷", {"城市": "北京"}),
    (C, "", {"城市": "{name}", "积分": "{{7*7}}"}),
    (D, "韩梅", {"积分": "【5】"}),
]


def test_any_field_of_the_contacts(session: Session, alice: Person, account: int, either_way: str) -> None:
    fields.ensure(["城市", "积分"])
    vip = group_of(session, "VIP", MET)
    campaign = drafts.draft_campaign(
        account, "", "{name}在{城市}有{积分}分", "茶", alice.user_id, (vip,),
        defaults={"name": "您", "积分": "0"},
    )  # fmt: skip
    assert laid(session, campaign) == {
        A: "【茶】王芳在杭州有1,200分",
        B: "【茶】李雷在北京有0分",
        # What somebody's value says is not read once more.
        C: "【茶】您在{name}有{{7*7}}分",
    }
    assert campaign.left_out["counts"] == {"value_brackets": 1}
    rows = session.query(Audience).filter_by(campaign_id=campaign.id)
    assert {row.mobile: row.variables for row in rows} == {
        A: {"name": "王芳", "城市": "杭州", "积分": "1,200"},
        B: {"name": "李雷", "城市": "北京"},
        C: {"城市": "{name}", "积分": "{{7*7}}"},
    }
    assert drafts.preview(campaign).texts == 3
    look = drafts.look(drafts.written_of(campaign))
    assert look.missing == {"name": 1, "积分": 1}
    assert look.known == ("name", "城市", "积分")
    without = dataclasses.replace(drafts.written_of(campaign), defaults={"name": "您"})
    assert drafts.look(without).left_out == {"no_value": 1, "value_brackets": 1}


def test_what_stands_beside_a_pasted_number_comes_before_what_the_address_book_knows(
    session: Session, alice: Person, account: int, either_way: str
) -> None:
    fields.ensure(["城市"])
    vip = group_of(session, "VIP", [(A, "王芳", {"城市": "杭州"}), (B, "李雷", {"城市": "北京"})])
    contacts.add(C, "韩梅", {"城市": "上海"}, None)
    paste = f"手机,姓名,时间\n{A},芳芳,9点\n{C},,10点"
    campaign = drafts.draft_campaign(
        account, paste, "{name} {城市} {时间}", "茶", alice.user_id, (vip,), defaults={"时间": "下午"}
    )
    assert laid(session, campaign) == {
        A: "【茶】芳芳 杭州 9点", B: "【茶】李雷 北京 下午", C: "【茶】韩梅 上海 10点",
    }  # fmt: skip
    assert campaign.left_out["counts"] == {"twice": 1}
    field, sentence = refused(
        lambda: drafts.draft_campaign(account, f"{A}", "{时间}", "茶", alice.user_id, (vip,))
    )
    assert (field, sentence) == ("body", "{时间} is not a field. A text can have {name}, {城市}.")


@pytest.mark.parametrize(
    "more",
    [
        {"body": "Hello"},
        {"body": "Dear {name}, {城市}"},
        {"body": "Dear {name}, {城市}", "defaults": {"name": "you"}},
        {"body": "{name}{name}" + "字" * 62},
        {"body": "{name}" + "字" * 261, "leave_out_long": True},
        {"body": "{name}" + "字" * 261},
        {"body": "Dear {name}", "minus": True},
        {"body": "Dear {name}", "numbers": f"{A}\n{D}, 长长长长长\n13900000000"},
    ],
)
def test_counting_many_gives_what_laying_them_out_gives(
    session: Session, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    fields.ensure(["城市"])
    people: list[Someone] = [
        (mobile, "芳" * (n % 7), {"城市": "杭州"} if n % 3 else {"城市": "【"} if n == 6 else {})
        for n, mobile in enumerate([A, B, C, D, *numbers(40)])
    ]
    one, two = group_of(session, "One", people[:30]), group_of(session, "Two", people[20:])
    staff = group_of(session, "Staff", people[25:28])
    optouts.opt_out([people[1][0], people[26][0]], "hand", None, clock.now())
    minus = (staff,) if more.pop("minus", False) else ()
    written = Written(account, groups=(one, two), minus=minus, signature="Shop", **more)
    exact = drafts.look(written)
    monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
    counted = drafts.look(written)
    assert counted.examples
    for name in (
        "recipients", "left_out", "shortest", "longest", "over_limit", "missing", "parts_least", "parts",
        "cost", "known", "fields", "problems",
    ):  # fmt: skip
        assert getattr(counted, name) == getattr(exact, name), name
    campaign = drafts.save_draft(written, alice.user_id)
    if exact.problems:
        assert refused(functools.partial(drafts.prepare, campaign)) == exact.problems[0]
        return
    drafts.prepare(campaign)
    preview = drafts.preview(campaign)
    assert campaign.layout is not None
    assert campaign.left_out["counts"] == exact.left_out
    assert (preview.recipients, preview.cost, preview.parts_least, preview.parts) == (
        exact.recipients, exact.cost, exact.parts_least, exact.parts,
    )  # fmt: skip
    assert (preview.texts, preview.requests) == (exact.texts, exact.requests)
    assert (len(preview.shortest), len(preview.longest)) == (exact.shortest, exact.longest)


def test_too_many_to_be_counted_are_never_guessed(
    session: Session, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laying, "MOST_AT_ONCE", 1)
    monkeypatch.setattr(counting, "MOST_COUNTED", 2)
    vip = group_of(session, "VIP", [(A, "王芳", {}), (B, "", {}), (C, "李雷", {})])
    look = drafts.look(Written(account, "13900000000", groups=(vip,), body="Dear {name}", signature="Shop"))
    assert (look.at_most, look.recipients, look.left_out, look.missing, look.cost) == (4, 0, {}, {}, 0)
    assert (look.problems, look.examples) == ([], True)
    assert look.sample is not None
    assert (look.sample.of, look.sample.text) == (2, "【Shop】Dear 王芳")


# ---- what changed since ------------------------------------------------------------------------------


def test_whoever_joins_leaves_or_is_changed_makes_the_review_stale(
    session: Session, alice: Person, account: int, either_way: str
) -> None:
    vip = group_of(session, "VIP", [(A, "王芳", {}), (B, "李雷", {})])
    staff = group_of(session, "Staff", [(E, "王五", {})])
    campaign = drafts.draft_campaign(account, "", "{name}", "Shop", alice.user_id, (vip,), (staff,))
    contact = by_mobile(B)
    assert contact is not None

    def join_vip() -> None:
        join(session, vip, [(C, "韩梅", {}), (D, "赵四", {})])

    def join_staff() -> None:
        groups.add(staff, [contact.id])

    def shorten_parts() -> None:
        row = session.get_one(GatewayAccount, (alice.team_id, account))
        row.first_part = row.next_part = 5

    acts: list[Any] = [
        join_vip,
        lambda: contacts.change(contact.id, B, "李磊", {}),
        join_staff,
        lambda: optouts.opt_out([A], "reply", None, clock.now()),
        lambda: contacts.delete([one.id for one in [by_mobile(D)] if one]),
        shorten_parts,
    ]
    for n, act in enumerate(acts):
        seen = drafts.preview(campaign).digest
        assert drafts.recheck(campaign).digest == seen
        act()
        session.flush()
        with pytest.raises((operations.StalePreviewError, NotPreparedError)):
            operations.confirm_campaign(campaign.id, f"key{n}", seen, alice.user_id, 0)
        assert campaign.state == "draft"
        drafts.prepare(campaign)
    assert set(laid(session, campaign)) == {C}
    assert cautions.joined_and_left(campaign) == [
        "1 person joined “VIP” since you wrote this: now 3.",
        "1 person joined “Staff” since you wrote this: now 2.",
    ]
    seen = drafts.preview(campaign).digest
    operations.confirm_campaign(campaign.id, "sent", seen, alice.user_id, 0)
    assert (campaign.state, campaign.recipients) == ("planning", 1)


def test_what_has_nothing_to_do_with_it_lays_nothing_out_anew(
    session: Session, alice: Person, account: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(laying, "MOST_AT_ONCE", 0)
    monkeypatch.setattr(laying, "LONGEST_CHANGE", clock.now() - clock.now())
    vip = group_of(session, "VIP", [(A, "王芳", {}), (B, "李雷", {})])
    campaign = drafts.draft_campaign(account, "", "{name}", "Shop", alice.user_id, (vip,))
    began = campaign.layout and campaign.layout["began_at"]
    seen = drafts.preview(campaign).digest
    group_of(session, "Others", [C, D])
    optouts.opt_out([C, "13900000001"], "hand", None, clock.now())
    assert drafts.recheck(campaign).digest == seen
    assert campaign.layout is not None
    assert campaign.layout["began_at"] == began
    operations.confirm_campaign(campaign.id, "key", seen, alice.user_id, 0)
    assert campaign.state == "planning"


def test_a_group_that_is_deleted_is_said_and_holds_the_draft_until_it_is_changed(
    session: Session, alice: Person, account: int, either_way: str
) -> None:
    vip, staff = group_of(session, "VIP", [A, B, C]), group_of(session, "Staff", [B])
    campaign = drafts.draft_campaign(account, "", "Hello", "Shop", alice.user_id, (vip,), (staff,))
    seen = drafts.preview(campaign).digest
    groups.delete(staff)
    field, sentence = refused(lambda: operations.confirm_campaign(campaign.id, "key", seen, alice.user_id, 0))
    assert (field, "“Staff” was deleted" in sentence) == ("gone_minus", True)
    assert (campaign.state, campaign.version) == ("draft", 1)
    written = drafts.written_of(campaign)
    assert (written.groups, written.minus, written.gone, written.gone_minus) == ((vip,), (), (), ("Staff",))
    assert drafts.look(written).problems == [(field, sentence)]
    # Saved again as it is, it says so still; without the group it may be sent to everybody.
    drafts.save_draft(
        dataclasses.replace(written, body="Hi"), alice.user_id, campaign_id=campaign.id, version=1
    )
    assert refused(functools.partial(drafts.prepare, campaign))[0] == "gone_minus"
    freed = dataclasses.replace(drafts.written_of(campaign), gone_minus=())
    drafts.save_draft(freed, alice.user_id, campaign_id=campaign.id, version=2)
    drafts.prepare(campaign)
    assert set(laid(session, campaign)) == {A, B, C}
    groups.delete(vip)
    assert refused(functools.partial(drafts.prepare, campaign))[0] == "gone"


def test_groups_of_nobody_or_of_another_team_are_not_kept(
    session: Session, alice: Person, account: int
) -> None:
    empty = group_of(session, "Empty", [])
    choices: list[tuple[int, ...]] = [(empty, new_id()), (0,), (2**63 - 1,)]
    for chosen in choices:
        for written in (Written(account, groups=chosen), Written(account, minus=chosen)):
            field, sentence = refused(functools.partial(drafts.save_draft, written, alice.user_id))
            assert (field, "does not exist any more" in sentence) == ("groups", True)
            drafts.look(written)
    many = Written(account, groups=tuple(range(1, 60)))
    assert "at most 50 groups" in refused(functools.partial(drafts.save_draft, many, alice.user_id))[1]
    campaign = drafts.save_draft(Written(account, groups=(empty,), body="Hi", signature="S"), alice.user_id)
    field, sentence = refused(functools.partial(drafts.prepare, campaign))
    assert (field, "Nobody is in the groups" in sentence) == ("groups", True)
    both = Written(account, groups=(group_of(session, "One", [A]),), body="Hi", signature="S")
    both = dataclasses.replace(both, minus=both.groups)
    assert drafts.look(both).left_out == {"in_minus": 1}
    test = dataclasses.replace(both, kind="test", minus=())
    assert [found for found, _ in drafts.look(test).problems] == ["kind"]


def test_groups_are_kept_with_the_draft_and_its_copies(session: Session, alice: Person, account: int) -> None:
    vip, new = group_of(session, "VIP", [A, B]), group_of(session, "New", [C])
    campaign = drafts.draft_campaign(account, D, "Hello", "Shop", alice.user_id, (new, vip))
    written = drafts.written_of(campaign)
    assert (written.groups, written.numbers) == ((new, vip), D)
    assert drafts.save_draft(written, alice.user_id, campaign_id=campaign.id, version=1).version == 1
    changed = dataclasses.replace(written, groups=(vip, new))
    with pytest.raises(StaleDraftError):
        drafts.save_draft(changed, alice.user_id, campaign_id=campaign.id, version=7)
    seen = drafts.preview(campaign).digest
    operations.confirm_campaign(campaign.id, "key", seen, alice.user_id, 0)
    assert drafts.written_of(campaign) == written
    editing.reopen(campaign.id)
    assert drafts.written_of(campaign) == written
    drafts.prepare(campaign)
    assert drafts.preview(campaign).recipients == 4
