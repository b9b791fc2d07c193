"""The model's reports: which message each is about, which of several wins, what an unknown msgid tells."""

from __future__ import annotations

from datetime import datetime

from tests.campaigns.model import RANKS, Message
from tests.campaigns.model_answers import Model

Told = tuple[str, str, str, int]


class Reports:
    """What was told, and what of it waits for its message to be known."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.waiting: dict[Told, datetime] = {}

    def hear(self, reports: list[Told], now: datetime) -> None:
        """Reports (msgid, mobile, word, second) come in; then those that waited are looked at again."""
        for told in reports:
            if not self._settled(told):
                self.waiting.setdefault(told, now)
        while self._adopt():
            pass
        self.waiting = {told: heard for told, heard in self.waiting.items() if not self._settled(told)}
        for one in self.model.campaigns.values():
            one.note_over()

    def _settled(self, told: Told) -> bool:
        msgid, mobile, word, at = told
        for one in self.model.campaigns.values():
            message = one.messages.get(mobile)
            if message is None or message.outcome == "not_sent":
                continue
            batch = one.batches.get(message.no)
            if batch is not None and msgid in batch.msgids and batch.state != "replaced":
                self._win(message, word, at)
                return True
        return False

    def _win(self, message: Message, word: str, at: int) -> None:
        """The higher rank wins, then the earlier time, then the smaller word."""
        rank, outcome = RANKS[word]
        if outcome is None:
            return
        better = rank > message.rank or (rank == message.rank and (at, word) < (message.at, message.status))
        if better:
            message.outcome, message.rank, message.at, message.status = outcome, rank, at, word

    def _adopt(self) -> bool:
        """Give one unknown msgid to the batch that it must be of; False where none can be."""
        known = {
            msgid for one in self.model.campaigns.values()
            for batch in one.batches.values() for msgid in batch.msgids
        }  # fmt: skip
        unknown: dict[str, datetime] = {}
        for (msgid, _, _, _), heard in self.waiting.items():
            if msgid not in known:
                unknown[msgid] = min(heard, unknown.get(msgid, heard))
        for msgid, heard in sorted(unknown.items(), key=lambda one: one[1]):
            mobiles = {told[1] for told in self.waiting if told[0] == msgid}
            if self.model.adopt(msgid, mobiles, heard) is not None:
                return True
        return False
