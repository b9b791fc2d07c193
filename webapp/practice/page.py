"""The page at `/`: what the practice gateway is, accounts, what it was sent, fixed fates, dial.

Plain HTML with a form, no script at all. It is put together from strings here, because a template library
would cost the program more memory than the program itself; every value goes through `esc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from webapp.practice.dial import AWAY, SPELLINGS, Dial
from webapp.practice.fates import FATES
from webapp.practice.gateway import Account
from webapp.practice.kinds import KINDS
from webapp.practice.sending import Submission
from webapp.practice.words import Words

HEADERS = (
    "Content-Security-Policy: default-src 'none'; style-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\nCache-Control: no-store\r\n"
)
SHOWN_ACCOUNTS = 30
COUNTS = ("submissions", "reports_posted", "reports_pending", "reports_given_up")
FIELDS = {
    "group_answers": "latency_ms latency_max_ms hang_seconds huge_megabytes away away_seconds",
    "group_reports": (
        "report_delay_ms late_seconds delivered_percent failed_percent early_percent repeat_percent "
        "report_tries report_connections shuffle"
    ),
    "group_repeats": "dedup_seconds dedup_same_msgid dedup_charged",
}


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows."""

    language: str
    host: str
    base: str
    dial: Dial
    accounts: list[Account]
    recent: list[Submission]
    counts: dict[str, object]
    problem: str = ""


def language(query: str) -> str:
    """The language a query string asks for."""
    return "zh" if "lang=zh" in query.split("&") else "en"


@cache
def style() -> bytes:
    """The style sheet."""
    return Path(__file__).with_name("page.css").read_bytes()


def esc(value: object) -> str:
    """Text that may stand in HTML and in quoted attributes."""
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def masked(mobile: str) -> str:
    """A number of which the last four digits can be read."""
    return f"*** {mobile[-4:]}"


def render(view: View) -> bytes:
    """The whole page."""
    words = Words(view.language)
    other = "en" if view.language == "zh" else "zh"
    other_tag = "en" if other == "en" else "zh-Hans"
    tag = "zh-Hans" if view.language == "zh" else "en"
    problem = (
        f'<p class="bad" role="alert"><b>{words["problem"]}</b> {esc(view.problem)}</p>'
        if view.problem
        else ""
    )
    switch = f'<a href="/?lang={other}" lang="{other_tag}">{words["other_language"]}</a>'
    ways = f'<div class="stack">{_connect(view, words)}{_counts(view, words)}</div>'
    html = f"""<!DOCTYPE html>
<html lang="{tag}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{words["title"]}</title><link rel="stylesheet" href="/practice.css"></head><body>
<p class="band">{words["band"]}</p>
<main>
<header><h1>{words["title"]}</h1>{switch}</header>
<p class="lead">{words["lead"]}</p>
{problem}
<div class="two">{ways}{_accounts(view, words)}</div>
{_recent(view, words)}
{_fates(words)}
{_dial(view, words)}
</main></body></html>"""
    return html.encode("utf-8", "replace")


def _card(title: str, inside: str, lead: str = "") -> str:
    lead = f'<p class="muted">{lead}</p>' if lead else ""
    return f'<section class="card"><h2>{title}</h2>{lead}{inside}</section>'


def _table(heads: list[str], rows: list[list[str]]) -> str:
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide" tabindex="0">{table}</div>'


def _connect(view: View, words: Words) -> str:
    pairs = [("address", f"http://{view.host}{view.base}"), ("uid", "practice"), ("pwd", "practice-only")]
    inside = "".join(f"<dt>{words[key]}</dt><dd><code>{esc(value)}</code></dd>" for key, value in pairs)
    return _card(words["connect"], f"<dl>{inside}</dl>")


def _counts(view: View, words: Words) -> str:
    inside = "".join(f"<li><b>{view.counts[name]:,}</b> {words[name]}</li>" for name in COUNTS)
    return _card(words["counts"], f'<ul class="counts">{inside}</ul>')


def _accounts(view: View, words: Words) -> str:
    # The newest stand first: they are the ones somebody has just made.
    shown = view.accounts[::-1][:SHOWN_ACCOUNTS]
    rows = []
    for account in shown:
        mark = f' <span class="pill">{words["frozen"]}</span>' if account.frozen else ""
        where = (
            _address(account.callback)
            if account.callback
            else f'<span class="muted">{words["nowhere"]}</span>'
        )
        rows.append([f"<b>{esc(account.uid)}</b>{mark}", "••••••", f"{account.balance:,}", where])
    left = len(view.accounts) - len(shown)
    more = f'<p class="muted">{words["more_accounts"] % left}</p>' if left else ""
    table = _table([words["uid"], words["pwd"], words["balance"], words["reports_to"]], rows)
    return _card(words["accounts"], table + more)


def _address(callback: str) -> str:
    """A callback address without its last part, which is a secret of its account."""
    return f"<code>{esc(callback.rpartition('/')[0])}/…</code>"


def _recent(view: View, words: Words) -> str:
    if not view.recent:
        return _card(words["recent"], f'<p class="muted">{words["recent_none"]}</p>')
    rows = []
    for one in view.recent:
        at = datetime.fromtimestamp(one.opened_at, UTC).strftime("%H:%M:%S") if one.opened_at else "–"
        numbers = one.request.mobiles
        shown = ", ".join(masked(number) for number in numbers[:2]) + (
            f" {words['and_more']}" if numbers[2:] else ""
        )
        text = one.request.content
        code = f"<code>{esc(one.decision.code or '–')}</code> "
        kind = "" if one.kind.base == "ok" else f' <span class="pill">{esc(one.kind.name)}</span>'
        rows.append(
            [at, esc(one.request.uid[:64]), esc(shown), esc(text[:60]) + ("…" if text[60:] else ""),
             code + words[f"ended_{one.ended}"] + kind, f"{one.decision.cost:,}"]
        )  # fmt: skip
    heads = [words[key] for key in ("time", "uid", "numbers", "text", "answer", "cost")]
    return _card(words["recent"], _table(heads, rows))


def _fates(words: Words) -> str:
    rows = [[f"<code>{number}</code>", words[f"fate_{fate.value}"]] for number, fate in FATES.items()]
    return _card(words["fates"], _table([words["number"], words["what"]], rows), words["fates_lead"])


def _dial(view: View, words: Words) -> str:
    groups = []
    for title, names in FIELDS.items():
        groups.append(
            _fieldset(words[title], "".join(_field(name, view.dial, words) for name in names.split()))
        )
    kinds = [name for name in KINDS if name != "ok"]
    failures = "".join(
        _input(f"fail_{name}", words[f"fail_{name}"], view.dial.failures.get(name, 0)) for name in kinds
    )
    groups.append(_fieldset(words["group_failures"], failures))
    spelling = "".join(
        _box("spelling", words[f"spell_{word}"], word in view.dial.spelling, word) for word in SPELLINGS
    )
    groups.append(_fieldset(words["group_spelling"], spelling))
    form = (
        f'<form method="post" action="/practice/dial?lang={view.language}">{"".join(groups)}'
        f'<button type="submit">{words["save"]}</button></form>'
    )
    return _card(words["dial"], form, words["dial_lead"])


def _fieldset(title: str, inside: str) -> str:
    return f'<fieldset><legend>{title}</legend><div class="fields">{inside}</div></fieldset>'


def _field(name: str, dial: Dial, words: Words) -> str:
    value = getattr(dial, name)
    if name == "away":
        options = "".join(
            f'<option value="{way}"{" selected" if way == value else ""}>{words[f"away_{way}"]}</option>'
            for way in AWAY
        )
        return f'<label>{words[name]}<select name="{name}">{options}</select></label>'
    if isinstance(value, bool):
        return _box(name, words[name], value, "1")
    return _input(name, words[name], value)


def _input(name: str, label: str, value: object) -> str:
    mode = "decimal" if "percent" in name or name.startswith("fail_") else "numeric"
    box = f'<input name="{name}" inputmode="{mode}" value="{esc(value)}" autocomplete="off">'
    return f"<label>{label}{box}</label>"


def _box(name: str, label: str, ticked: bool, value: str) -> str:
    tick = " checked" if ticked else ""
    return f'<label class="box"><input type="checkbox" name="{name}" value="{value}"{tick}>{label}</label>'
