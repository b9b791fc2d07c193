"""The address book of the demonstration: regulars of a tea shop, in groups, and what it knows of them."""

from __future__ import annotations

from datetime import datetime, timedelta

from webapp import clock
from webapp.contacts import groups, operations
from webapp.demo.acting import crowd

FAMILIES = "王李张刘陈杨黄赵周吴徐孙马朱胡林何郭高罗"
GIVEN = (
    "芳",
    "伟",
    "娜",
    "秀英",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "洋",
    "艳",
    "勇",
    "军",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "霞",
    "平",
)
CITIES = ("上海", "杭州", "苏州", "南京", "宁波")
PEOPLE = 60
# Each group takes every so many of them.
GROUPS = (("会员", 2), ("静安门店", 3), ("春茶品鉴会", 5), ("企业客户", 12), ("新客", 7))


def seed(user_id: int, begun: datetime) -> None:
    """Add the people, one after the other in the days since `begun`, and put them into groups."""
    ids = []
    # The large campaign of yesterday went to these; the last ones will have opted out by then.
    for place, mobile in enumerate([*crowd(PEOPLE - 3, 5_000_000), *crowd(3, 7_000_000)]):
        with clock.standing_at(begun + timedelta(hours=2 * place)):
            name = FAMILIES[place % len(FAMILIES)] + GIVEN[(place * 7 + place // len(GIVEN)) % len(GIVEN)]
            ids.append(operations.add(mobile, name, _known(place), user_id).id)
    for name, every in GROUPS:
        with clock.standing_at(begun + timedelta(days=5)):
            made = groups.make(name, user_id)
            groups.add(made.id, ids[::every])


def _known(place: int) -> dict[str, str]:
    """Not everything is known of everybody."""
    known = {"积分": str(place * 137 % 2900), "城市": CITIES[place % len(CITIES)]}
    if place % 4 == 0:
        known["生日"] = f"{place % 12 + 1}月{place % 27 + 1}日"
    return known
