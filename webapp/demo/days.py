"""The weeks before the demonstration's other campaigns: one on most days, for the charts of reports."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp.campaigns.states import Kind
from webapp.campaigns.written import Written
from webapp.demo.acting import Stage, crowd

BEGIN, END = 24, 6
TEXTS = (
    "您好，您预订的茶叶已到店，请于三日内到静安门店领取。",
    "本周茶艺课改为周六下午两点，请准时到店。",
    "您的会员积分已到账，可在门店兑换新茶一份。",
)


def tell(stage: Stage, account_id: int, now: datetime) -> None:
    """Write, hand over and report a small campaign on most days; the caller commits."""
    for day in range(BEGIN, END, -1):
        # Shops are shut on one day of the week; on the others the hour of sending differs.
        if day % 7 == 2:
            continue
        at = (now - timedelta(days=day)).replace(hour=1 + day * 5 % 10, minute=12, second=0, microsecond=0)
        # The regulars of the address book get each of them, so that a person's page has something to tell.
        people = [*crowd(55, 5_000_000), *crowd(15 + day * 37 % 110, 20_000_000 + 1_000 * day)]
        text = f"{TEXTS[day % len(TEXTS)]}（第{BEGIN - day + 1}期）"
        campaign = stage.confirm(Written(account_id, "\n".join(people), text, "青禾茶", kind=Kind.NOTICE), at)
        stage.plan(campaign, at)
        stage.send(campaign, at + timedelta(seconds=10), 50)
        failing = 0.012 + day % 5 * 0.009
        sent = at + timedelta(seconds=12)
        stage.report(campaign, at + timedelta(minutes=6), 0.9, failing, since=sent)
        stage.report(campaign, at + timedelta(hours=2), 0.995, failing, since=sent + timedelta(minutes=5))
