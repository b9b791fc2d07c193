"""Templates of the demonstration: what a tea shop sends again and again."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp import clock
from webapp.campaigns import template_operations
from webapp.campaigns.states import Kind
from webapp.campaigns.template_operations import Content

# Name, text, kind, and how many days ago it was used last (None: never).
_TEXTS = (
    ("到货通知", "{name}您好，您预订的{品名}已到店，请于本周内领取。", Kind.NOTICE, 1),
    ("预约提醒", "{name}您好，您预约的茶席在{日期}{时间}，如需改期请回电门店。", Kind.NOTICE, 4),
    ("积分提醒", "{name}您好，您的积分为{积分}分，月底前可兑换茶礼。", Kind.NOTICE, 9),
    ("生日问候", "{name}，祝您生日快乐！本月凭此短信到{城市}门店领取生日茶点一份。", Kind.NOTICE, None),
    ("周末新茶", "本周末新茶上市，会员八八折，凭此短信到店品饮。拒收请回复R", Kind.MARKETING, 6),
    ("双十一早鸟价", "双十一早鸟价今晚8点开抢，到静安门店可兑换新茶一份，退订回T", Kind.MARKETING, 13),
)
_ARCHIVED = ("中秋礼盒", "中秋礼盒开始预订，满三盒免运费。拒收请回复R", Kind.MARKETING)


def seed(user_id: int, begun: datetime, now: datetime) -> None:
    """Keep the templates; one of them is archived."""
    with clock.standing_at(begun):
        for name, body, kind, days in _TEXTS:
            kept = template_operations.keep(Content(name, body, kind), user_id, clock.now())
            if days is not None:
                template_operations.note_used(kept.id, now - timedelta(days=days))
        old = template_operations.keep(Content(*_ARCHIVED), user_id, clock.now())
        template_operations.archive(old, clock.now())
