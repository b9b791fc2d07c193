"""The imports of the demonstration: one for each state in which an import can stay for a while."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from webapp import clock
from webapp.contacts.imports import bringing, checking, operations, running, slices, undoing
from webapp.contacts.imports.bringing import Brought
from webapp.contacts.imports.models import ContactImport, ImportState
from webapp.contacts.imports.operations import Choices
from webapp.demo.acting import crowd

HEAD = "手机,姓名,城市,积分"
BAD = ("1.38E+10,赵敏,杭州,20", "1380013,钱进,上海,", ",孙丽,苏州,15", "不详,李想,南京,8")


def seed(user_id: int, now: datetime) -> None:
    """Bring the files, the oldest first; the caller commits."""
    regulars = crowd(30, 5_000_000)
    with clock.standing_at(now - timedelta(days=6)):
        _imported("会员名单.csv", _rows(regulars[:20], "杭州"), user_id)
    with clock.standing_at(now - timedelta(days=3)):
        one = _imported("试导入.csv", _rows(crowd(25, 25_000_000)), user_id, "试导入")
        with clock.standing_at(now - timedelta(days=3) + timedelta(minutes=2)):
            operations.undo(one.id, user_id)
            while one.state != ImportState.UNDONE:
                undoing.take_back_next(one)
    with clock.standing_at(now - timedelta(days=2)):
        _imported("退订名单.csv", [f"{mobile},,," for mobile in crowd(6, 45_000_000)], user_id, opt_outs=True)
    with clock.standing_at(now - timedelta(hours=20)):
        one = _brought("旧客户.csv", [*_rows(crowd(4, 55_000_000))], user_id)
        checking.give_up(one, "unreadable")
    with clock.standing_at(now - timedelta(hours=5)):
        rows = [*_rows(regulars, "杭州"), *_rows(crowd(18, 15_000_000)), *BAD]
        _imported("会员名单-补充.csv", rows, user_id, "补充名单")
    with clock.standing_at(now - timedelta(hours=2)):
        new = _rows(crowd(120, 35_000_000), "上海")
        _checked("双十一新客.csv", [*new, *_rows(regulars[:12]), *BAD, *new[:3]], user_id, "双十一新客")
    with clock.standing_at(now - timedelta(minutes=25)):
        _brought("到店登记.csv", ["1.38E+10,周强,上海,5", *_rows(crowd(40, 65_000_000))], user_id)


def _rows(mobiles: Sequence[str], city: str = "南京") -> list[str]:
    names = ("王芳", "陈建国", "刘洋", "赵敏", "孙丽", "周强", "吴磊", "郑爽", "李娜", "黄勇")
    return [f"{mobile},{names[at % 10]},{city},{at * 37 % 400}" for at, mobile in enumerate(mobiles)]


def _brought(name: str, rows: Sequence[str], user_id: int, *, opt_outs: bool = False) -> ContactImport:
    content = "\r\n".join([HEAD, *rows]).encode("gb18030")
    return bringing.take_in(Brought(name, [content]), user_id, opt_outs=opt_outs)


def _checked(
    name: str, rows: Sequence[str], user_id: int, group: str = "", *, opt_outs: bool = False
) -> ContactImport:
    one = _brought(name, rows, user_id, opt_outs=opt_outs)
    operations.check(one.id, Choices(one.columns, new_group=group))
    for part in slices.slices(one):
        checking.note(one, part)
    checking.finish(one)
    return one


def _imported(
    name: str, rows: Sequence[str], user_id: int, group: str = "", *, opt_outs: bool = False
) -> ContactImport:
    one = _checked(name, rows, user_id, group, opt_outs=opt_outs)
    operations.start(one.id, user_id)
    for part in slices.slices(one):
        running.write(one, part, clock.now())
    running.finish(one)
    return one
