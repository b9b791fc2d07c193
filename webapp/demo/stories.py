"""The campaigns of the demonstration: one for each state in which a campaign can stay.

The people and the shop do not exist; the numbers are made by a rule and belong to whoever has them, which is
why the demonstration's gateway accounts are accounts of the practice gateway only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from webapp import clock, tenancy
from webapp.accounts import queries as accounts
from webapp.campaigns import drafts, schedule, stopping
from webapp.campaigns.moments import parse_local
from webapp.campaigns.states import Kind
from webapp.campaigns.written import Written
from webapp.contacts import groups, optouts
from webapp.demo.acting import LOST, Stage, crowd, named, refused

NAMES = ("王芳", "陈建国", "刘洋", "赵敏", "孙丽", "周强", "吴磊", "郑爽", "李娜", "黄勇", "林薇", "何静")
SIGNATURE = "青禾茶"
DRAFT = "{name}您好，您的会员积分{积分}分将于本月底到期，凭此短信到{城市}门店可兑换新茶一份，退订回T"


@dataclass(frozen=True)
class Stories:
    """Tells them all in the team at hand; `main` and `empty` are its gateway accounts."""

    stage: Stage
    main: int
    empty: int
    now: datetime

    def tell(self) -> None:
        """Write every campaign; the caller commits."""
        for story in (
            self.past_week, self.finished, self.personal, self.test, self.stopped, self.stopped_unclear,
            self.unconfirmed, self.paused, self.waiting, self.missed, self.scheduled, self.out_of_balance,
            self.draft,
        ):  # fmt: skip
            story()
            tenancy.session().flush()

    def past_week(self) -> None:
        """Days with a small campaign each, for the charts of home."""
        for day in range(6, 1, -1):
            at = self.now - timedelta(days=day, hours=1)
            people = crowd(240 + 90 * day % 400, 10_000 * day)
            campaign = self.stage.confirm(self._written(people, f"第{7 - day}号试饮活动今天在静安门店。"), at)
            self.stage.plan(campaign, at)
            self.stage.send(campaign, at + timedelta(seconds=10), 50)
            self.stage.report_over_time(campaign, at, 1.0, 0.01 * day)

    def finished(self) -> None:
        """A large one of yesterday, with all its reports but a few."""
        at = self._morning(1)
        optouts.opt_out(crowd(3, 7_000_000), "hand", self.stage.user_id, at - timedelta(days=3))
        body = "双十一早鸟价今晚8点开抢，凭此短信到静安门店可兑换新茶一份，退订回T"
        written = self._written([*crowd(2_480, 5_000_000), *crowd(3, 7_000_000)], body, Kind.MARKETING)
        campaign = self.stage.confirm(written, at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at + timedelta(seconds=10), 50)
        self.stage.report_over_time(campaign, at, 0.979, 0.023, (1, 2, 3, 5, 7, 10, 14, 19, 25, 33, 45))

    def personal(self) -> None:
        """Names filled in; some lines have none, some are no numbers."""
        at = self.now - timedelta(hours=5)
        people = list(zip(crowd(36, 8_000_000), NAMES * 3, strict=True))
        lines = f"{named(people)}\n13800138000\n1.38E+10\n12345\n{people[0][0]}, 王方"
        written = Written(
            self.main, lines, "{name}您好，您预订的春茶已到店，可于本周内领取。", SIGNATURE,
            defaults={"name": "顾客"},
        )  # fmt: skip
        campaign = self.stage.confirm(written, at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at + timedelta(seconds=10), 100)
        self.stage.report_over_time(campaign, at, 1.0, 0.05)

    def test(self) -> None:
        """A message to oneself."""
        at = self.now - timedelta(hours=4)
        campaign = self.stage.confirm(self._written(["13800002071"], "测试：您好。", Kind.TEST), at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at, 1)
        self.stage.report(campaign, at + timedelta(seconds=4), 1.0, 0.0)

    def stopped(self) -> None:
        """Half of it had gone when a person stopped it."""
        at = self.now - timedelta(hours=3)
        campaign = self.stage.confirm(self._written(crowd(900, 2_000_000), "本周六下午有茶艺课。"), at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at + timedelta(seconds=10), 5)
        with clock.standing_at(at + timedelta(minutes=1)):
            stopping.stop_campaign(campaign.id)
            tenancy.session().flush()
        self.stage.report_over_time(campaign, at, 1.0, 0.03)

    def stopped_unclear(self) -> None:
        """A person stopped it while nobody knew what had become of its first request."""
        at = self.now - timedelta(hours=2, minutes=30)
        campaign = self.stage.confirm(self._written(crowd(300, 3_500_000), "因天气原因，今晚活动取消。"), at)
        self.stage.plan(campaign, at)
        begin = at + timedelta(seconds=10)
        self.stage.send(campaign, begin, 1, LOST)
        with clock.standing_at(at + timedelta(seconds=40)):
            stopping.stop_campaign(campaign.id)
            tenancy.session().flush()
        self.stage.give_up(campaign, begin)

    def unconfirmed(self) -> None:
        """Three requests never got an answer."""
        at = self.now - timedelta(hours=2)
        campaign = self.stage.confirm(self._written(crowd(850, 3_000_000), "您的会员积分将于月底到期。"), at)
        self.stage.plan(campaign, at)
        begin = at + timedelta(seconds=10)
        self.stage.send(campaign, begin, 3, LOST)
        self.stage.send(campaign, begin, 50)
        self.stage.give_up(campaign, begin)
        self.stage.report_over_time(campaign, at, 1.0, 0.02)

    def paused(self) -> None:
        """A person holds it; most of it has not gone."""
        at = self.now - timedelta(minutes=50)
        campaign = self.stage.confirm(self._written(crowd(1_200, 4_000_000), "门店明天起改为9点开门。"), at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at + timedelta(seconds=10), 4)
        with clock.standing_at(at + timedelta(minutes=1)):
            stopping.pause_campaign(campaign.id)
            tenancy.session().flush()
        self.stage.report_over_time(campaign, at, 0.9, 0.02)

    def waiting(self) -> None:
        """Handed over a few minutes ago; reports come in."""
        at = self.now - timedelta(minutes=6)
        campaign = self.stage.confirm(self._written(crowd(640, 6_000_000), "新一批龙井已到，欢迎品尝。"), at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at + timedelta(seconds=10), 50)
        for minute in range(1, 6):
            self.stage.report(campaign, at + timedelta(minutes=minute), 0.13 * minute)

    def missed(self) -> None:
        """Its time passed while nothing ran."""
        at = self.now - timedelta(days=2)
        written = self._written(
            crowd(300, 9_000_000), "周末店庆，全场八折。", send_at=at + timedelta(hours=3)
        )
        campaign = self.stage.confirm(written, at)
        self.stage.plan(campaign, at)
        schedule.start_due(self.now)

    def scheduled(self) -> None:
        """It begins tomorrow at ten."""
        with clock.standing_at(self.now):
            team = accounts.team_at_hand()
            day = (self.now + timedelta(days=1)).date()
            tomorrow = parse_local(f"{day.isoformat()}T10:00", team.time_zone, self.now)
        body = "明天上午10点起，凭本短信可领新茶试饮一份，退订回T"
        written = self._written(crowd(2_000, 1_000_000), body, Kind.MARKETING, send_at=tomorrow)
        self.stage.plan(self.stage.confirm(written, self.now), self.now)

    def out_of_balance(self) -> None:
        """Its account has nothing left."""
        at = self.now - timedelta(minutes=30)
        written = Written(self.empty, "\n".join(crowd(400, 5_500_000)), "您的快递已存放前台。", SIGNATURE)
        campaign = self.stage.confirm(written, at)
        self.stage.plan(campaign, at)
        self.stage.send(campaign, at + timedelta(seconds=10), 1)
        self.stage.send(campaign, at + timedelta(seconds=20), 1, refused(5, "balance insufficient"))
        self.stage.report_over_time(campaign, at, 1.0, 0.0)

    def draft(self) -> None:
        """Written for a group but for those of another, and not sent yet."""
        ids = {group.name: group.id for group in groups.groups()}
        with clock.standing_at(self.now - timedelta(minutes=20)):
            written = replace(
                self._written([], DRAFT, Kind.MARKETING), groups=(ids["会员"],), minus=(ids["新客"],)
            )
            drafts.save_draft(written, self.stage.user_id, draft_key="demo")

    def _written(
        self, people: list[str], body: str, kind: str = Kind.NOTICE, send_at: datetime | None = None
    ) -> Written:
        return Written(self.main, "\n".join(people), body, SIGNATURE, kind=kind, send_at=send_at)

    def _morning(self, days_ago: int) -> datetime:
        """Ten in the morning in China, in the hours in which marketing may go out."""
        day = self.now - timedelta(days=days_ago)
        return day.replace(hour=2, minute=0, second=0, microsecond=0)
