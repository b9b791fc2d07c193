"""The figures of `/metrics`, read from the database when they are asked for.

Several web processes answer, and counters in one of them would tell a part only; the rows tell all.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from webapp import clock, heartbeats
from webapp.health.checks import status_report


def exposition() -> bytes:
    """The figures in Prometheus' text format; no team, number or token among the labels."""
    report = status_report()
    registry = CollectorRegistry()
    for name, words in (
        ("campaigns_active", "Campaigns being planned or sent"),
        ("campaigns_paused", "Campaigns that the program itself paused"),
        ("messages_unconfirmed", "Messages without a clear answer of the gateway"),
        ("requests_in_flight", "Requests to gateways under way"),
        ("report_lag_seconds", "Age of the oldest delivery report that is not settled"),
        ("refused_files", "Files of delivery reports that the database refused"),
        ("disk_free_bytes", "Free bytes where the program keeps its data"),
    ):
        Gauge(f"tidings_{name}", words, registry=registry).set(report[name])
    ages = Gauge("tidings_heartbeat_age_seconds", "Since a loop was heard", ["loop"], registry=registry)
    now = clock.now()
    for name, beat_at in heartbeats.all_beats().items():
        ages.labels(name).set((now - beat_at).total_seconds())
    return generate_latest(registry)
