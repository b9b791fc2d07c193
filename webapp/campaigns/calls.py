"""The call of one claim: asked for once more just before its first byte, and in the end always answered."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog

from webapp import clock
from webapp.campaigns.answers import Answered
from webapp.campaigns.claims import Claim
from webapp.gateway import breaker
from webapp.gateway.answers import judge
from webapp.gateway.client import CallLimits, GatewayClient
from webapp.gateway.exchange import Exchange, Kind
from webapp.gateway.scrubbing import scrub
from webapp.settings import Times

log = structlog.get_logger(__name__)

EXCERPT_BYTES = 4096


class Calls:
    """Makes calls of a gateway, from any number of threads at once."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._limits = CallLimits(connect=times.connect, answer=times.answer, total=times.call_limit)
        self._client = GatewayClient()

    def close(self) -> None:
        """Close what connections are kept."""
        self._client.close()

    def post(self, claim: Claim) -> Answered:
        """Make the call, whatever happens."""
        if claim.post_at is not None:
            ahead = claim.post_at - clock.now()
            time.sleep(max(0.0, min(ahead, breaker.AHEAD).total_seconds()))
        exchange = self._exchange(claim)
        repeated = claim.swallowed_until is not None
        verdict = judge(exchange, numbers=len(claim.mobiles), unknown_before=repeated)
        excerpt = scrub(exchange.body, claim.credentials.uid, claim.credentials.pwd)[:EXCERPT_BYTES]
        return Answered(claim, verdict, exchange.http_status, excerpt or None)

    def may_still_send(self, claim: Claim) -> bool:
        """Asked just before the first byte: a worker that was stopped for minutes must neither post under a
        lease that others saw end, nor repeat what the gateway would no longer swallow."""
        now = clock.now()
        answered_by = now + timedelta(seconds=self._times.call_limit)
        in_time = claim.swallowed_until is None or answered_by < claim.swallowed_until
        return now < claim.lease_until and in_time

    def _exchange(self, claim: Claim) -> Exchange:
        opened = claim.credentials
        try:
            return self._client.send(
                opened.base_url,
                opened.uid,
                opened.pwd,
                claim.mobiles,
                claim.content,
                self._limits,
                may_send=lambda: self.may_still_send(claim),
            )
        except Exception as error:
            # Whatever it is, the request may have left.
            log.exception("a call failed in an unforeseen way", error=type(error).__name__)
            return Exchange(Kind.LOST_AFTER_SEND)
