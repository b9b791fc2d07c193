"""What became of the messages of a period, and of the one before it, read from the roll-ups alone.

A message belongs to the hour in which it was handed over, whatever became of it later. So the figures of a
day go on changing while its reports come, and delivered + failed + no report + not confirmed is always what
was handed over.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import ARRAY, DateTime, bindparam, func, select

from webapp import tenancy
from webapp.campaigns import ladder
from webapp.campaigns.models import RollupHour, RollupReport
from webapp.reports.periods import Period, begin_of

# Of fewer, a percentage says less than the counts beside it.
FEWEST_FOR_A_SHARE = 30
MOST_REASONS = 20


@dataclass
class Outcomes:
    """Messages that were handed over, by what is known of them; `parts` is what all of them are billed as."""

    delivered: int = 0
    failed: int = 0
    no_report: int = 0
    unconfirmed: int = 0
    parts: int = 0

    @property
    def handed(self) -> int:
        """How many were handed over."""
        return self.delivered + self.failed + self.no_report + self.unconfirmed

    @property
    def tells_a_share(self) -> bool:
        """Whether there are enough of them for a percentage to mean something."""
        return self.handed >= FEWEST_FOR_A_SHARE

    def add(self, outcome: str, messages: int, parts: int = 0) -> None:
        """Count messages of one outcome, named as in the roll-ups."""
        setattr(self, outcome, getattr(self, outcome) + messages)
        self.parts += parts


@dataclass(frozen=True)
class Reason:
    """A status word that reports said of messages that did not arrive.

    `outcome`: "failed", or "other" for a word that nobody knows, whose messages count as without a report.
    """

    status: str
    outcome: str
    messages: int


@dataclass
class Figures:
    """All numbers of the page. `steps` and `steps_before` go with the steps of their periods.

    `hours`: by weekday (Monday is 0) and hour of the day. `took`: delivered messages by step of the ladder.
    `parts_known`: whether every batch in it says what it is billed as. `other_reasons`: messages that failed
    for reasons which are not among the most frequent ones.
    """

    period: Period
    steps: list[Outcomes]
    steps_before: list[Outcomes]
    total: Outcomes = field(default_factory=Outcomes)
    before: Outcomes = field(default_factory=Outcomes)
    operators: dict[str, Outcomes] = field(default_factory=dict)
    hours: dict[tuple[int, int], Outcomes] = field(default_factory=dict)
    took: Counter[int] = field(default_factory=Counter)
    took_before: Counter[int] = field(default_factory=Counter)
    reasons: list[Reason] = field(default_factory=list)
    failed_by_report: int = 0
    parts_known: bool = True

    @property
    def refused(self) -> int:
        """Messages that failed because the gateway refused them, of which no report comes."""
        return self.total.failed - self.failed_by_report

    @property
    def other_reasons(self) -> int:
        """Messages that failed for reasons that are not listed."""
        listed = sum(one.messages for one in self.reasons if one.outcome == "failed")
        return self.failed_by_report - listed

    @property
    def median(self) -> int | None:
        """About how many seconds the middle one of the delivered messages took."""
        return ladder.median(self.took)

    @property
    def median_before(self) -> int | None:
        """The same for the period before."""
        return ladder.median(self.took_before)


def read(period: Period) -> Figures:
    """The figures of a period: four queries, whatever it holds."""
    before = period.before
    figures = Figures(period, [Outcomes() for _ in period.steps], [Outcomes() for _ in before.steps])
    _read_steps(figures, before)
    _read_hours(figures)
    _read_times(figures, before)
    _read_reasons(figures)
    return figures


def ever_handed_over() -> bool:
    """Whether anything of this team was ever handed to a gateway."""
    found = select(RollupHour.hour).where(RollupHour.team_id == tenancy.scope()).limit(1)
    return tenancy.session().scalar(found) is not None


def _read_steps(figures: Figures, before: Period) -> None:
    """Both periods at once: the bounds of all their steps cut the hours."""
    period = figures.period
    begins = [begin_of(first, period.zone) for part in (before, period) for first, _last in part.steps]
    bounds = bindparam("bounds", begins, type_=ARRAY(DateTime(timezone=True)))
    step = func.width_bucket(RollupHour.hour, bounds)
    rows = tenancy.session().execute(
        select(
            step.label("step"),
            RollupHour.operator,
            RollupHour.outcome,
            func.sum(RollupHour.messages).label("messages"),
            func.sum(RollupHour.parts).label("parts"),
            func.bool_and(RollupHour.parts >= RollupHour.messages).label("parts_known"),
        )
        .where(
            RollupHour.team_id == tenancy.scope(),
            RollupHour.hour >= before.begin,
            RollupHour.hour < period.end,
            RollupHour.messages > 0,
        )
        .group_by("step", RollupHour.operator, RollupHour.outcome)
    )
    operators: dict[str, Outcomes] = defaultdict(Outcomes)
    for row in rows:
        place = row.step - 1 - len(figures.steps_before)
        counted = row.outcome, int(row.messages), int(row.parts)
        if place < 0:
            figures.steps_before[place].add(*counted)
            figures.before.add(*counted)
            continue
        figures.parts_known = figures.parts_known and row.parts_known
        for outcomes in (figures.steps[place], operators[row.operator], figures.total):
            outcomes.add(*counted)
    figures.operators = dict(sorted(operators.items(), key=lambda one: (-one[1].handed, one[0])))


def _read_hours(figures: Figures) -> None:
    rows = tenancy.session().execute(
        select(RollupHour.hour, RollupHour.outcome, func.sum(RollupHour.messages).label("messages"))
        .where(
            RollupHour.team_id == tenancy.scope(),
            RollupHour.hour >= figures.period.begin,
            RollupHour.hour < figures.period.end,
            RollupHour.messages > 0,
        )
        .group_by(RollupHour.hour, RollupHour.outcome)
    )
    for row in rows:
        there = row.hour.astimezone(figures.period.zone)
        found = figures.hours.setdefault((there.weekday(), there.hour), Outcomes())
        found.add(row.outcome, int(row.messages))


def _read_times(figures: Figures, before: Period) -> None:
    here = (RollupReport.hour >= figures.period.begin).label("here")
    rows = tenancy.session().execute(
        select(
            here, RollupReport.outcome, RollupReport.step, func.sum(RollupReport.messages).label("messages")
        )
        .where(
            RollupReport.team_id == tenancy.scope(),
            RollupReport.hour >= before.begin,
            RollupReport.hour < figures.period.end,
        )
        .group_by("here", RollupReport.outcome, RollupReport.step)
    )
    for row in rows:
        if row.outcome == "failed" and row.here:
            figures.failed_by_report += int(row.messages)
        elif row.outcome == "delivered":
            took = figures.took if row.here else figures.took_before
            took[row.step] += int(row.messages)


def _read_reasons(figures: Figures) -> None:
    messages = func.sum(RollupReport.messages).label("messages")
    status = func.upper(RollupReport.status).label("word")
    rows = tenancy.session().execute(
        select(status, RollupReport.outcome, messages)
        .where(
            RollupReport.team_id == tenancy.scope(),
            RollupReport.hour >= figures.period.begin,
            RollupReport.hour < figures.period.end,
            RollupReport.outcome != "delivered",
            RollupReport.messages > 0,
        )
        .group_by("word", RollupReport.outcome)
        .order_by(messages.desc(), "word")
        .limit(MOST_REASONS)
    )
    figures.reasons = [Reason(row.word, row.outcome, int(row.messages)) for row in rows]
