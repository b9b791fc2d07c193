"""How a view answers: a whole page, or the one block of it that htmx asked for.

This is the only file that knows the htmx library, so that exchanging it, or htmx's version, stays one file.
What pages say is in `reading.py` and `statuses.py`, what stands around them in `frame.py`; views need this
module only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from flask import Flask, Response, current_app, g, get_flashed_messages, redirect, request, url_for
from flask import make_response as flask_response
from flask_babel import Babel
from flask_wtf.csrf import generate_csrf
from htmx_flask import Htmx
from htmx_flask import request as htmx_request
from jinja2 import StrictUndefined

from webapp.errors import Words
from webapp.frame import BalanceView, Link, NavItem, Shell, add_nav, connect
from webapp.reading import FILTERS, Preferences, babel_locale, language, preferences, theme, time_zone
from webapp.statuses import wording

__all__ = [
    "BalanceView",
    "Link",
    "NavItem",
    "Preferences",
    "Shell",
    "add_nav",
    "babel_locale",
    "connect",
    "error_page",
    "hx_place",
    "hx_trigger",
    "init_app",
    "is_fragment",
    "language",
    "preferences",
    "render",
    "see_other",
    "theme",
    "time_zone",
]

ERROR_PAGES = frozenset({400, 403, 404, 405, 413, 429, 500})


def render(template: str, *, block: str | None = None, status: int = 200, **context: Any) -> Response:
    """Answer with the page, or with its block alone when htmx asks for a fragment and `block` names one.

    A fragment also carries the messages flashed meanwhile, so that they are not kept for a later page.
    """
    page = current_app.jinja_env.get_template(template)
    fragment = block is not None and is_fragment()
    values: dict[str, Any] = {"fragment": fragment, **context}
    current_app.update_template_context(values)
    if block is None or not fragment:
        return flask_response(page.render(values), status)
    pieces = list(page.blocks[block](page.new_context(values)))
    if get_flashed_messages():
        pieces.append(current_app.jinja_env.get_template("ui/toasts_swap.html").render(values))
    return flask_response("".join(pieces), status)


def is_fragment() -> bool:
    """Whether htmx asked for a part of a page, not for a whole page to show or to put back in history."""
    htmx = htmx_request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def see_other(url: str) -> Response:
    """Send the browser on to `url` after a successful POST.

    htmx would follow a 303 by itself and swap the next page into a card, so it gets its own header instead.
    """
    if not htmx_request.htmx:
        return cast(Response, redirect(url, 303))
    response = flask_response("", 204)
    response.headers["HX-Redirect"] = url
    return response


def hx_trigger(response: Response, name: str, detail: object = None) -> Response:
    """Make htmx fire the event `name` with `detail` (JSON) in the page; earlier events stay."""
    events = json.loads(response.headers.get("HX-Trigger", "{}"))
    response.headers["HX-Trigger"] = json.dumps({**events, name: detail})
    return response


def hx_place(response: Response, url: str) -> Response:
    """Let the browser show `url` as the page's address from now on, without loading it."""
    response.headers["HX-Replace-Url"] = url
    return response


def error_page(status: int, *, incident: str | None = None, reason: Words | None = None) -> Response:
    """The page for an error; 503 is the maintenance page, a status without a page gets that of 400 or 500.

    It asks the database for nothing, so it also serves when that is what broke: a signed-in user's stored
    preferences give way to the cookies, and the context of the other pages is left out. `reason` is a
    sentence that replaces the page's own explanation (the role needed, the size allowed).
    """
    g.user_preferences = None
    kind = 400 if status < 500 else 500
    name = "maintenance" if status == 503 else str(status if status in ERROR_PAGES else kind)
    page = current_app.jinja_env.get_template(f"errors/{name}.html")
    return flask_response(page.render(_context() | {"incident": incident, "reason": reason}), status)


def init_app(app: Flask, may: Callable[[str], bool]) -> None:
    """Give the application its page rules: the htmx request, filters, globals, headers, languages.

    `may` says whether the person at hand has a permission.
    """
    connect(app, may=may)
    Htmx(app)
    if "babel" not in app.extensions:
        Babel(app, locale_selector=babel_locale, timezone_selector=time_zone)
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.filters.update(FILTERS)
    env.globals.update(
        asset=_assets(Path(cast(str, app.static_folder))),
        csrf_token=generate_csrf,
        lang=language,
        theme=theme,
        may=may,
        status_wording=wording,
    )
    app.context_processor(_context)
    app.after_request(_headers)


def _context() -> dict[str, Any]:
    return {"shell": Shell(), "fragment": False}


def _assets(folder: Path) -> Callable[[str], str]:
    """Addresses of static files that change with the file, so that browsers may keep them for good."""
    known: dict[str, tuple[int, str]] = {}

    def asset(name: str) -> str:
        changed = (folder / name).stat().st_mtime_ns
        if known.get(name, (0, ""))[0] != changed:
            known[name] = changed, hashlib.sha256((folder / name).read_bytes()).hexdigest()[:12]
        return url_for("static", filename=name, v=known[name][1])

    return asset


def _headers(response: Response) -> Response:
    """A fragment and its page share an address, so caches must tell them apart; what we send is personal."""
    response.vary.add("HX-Request")
    if request.endpoint == "static":
        if "v" in request.args and response.status_code == 200:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response
    personal = any(g.get(name) is not None for name in ("user", "member", "team"))
    if personal or "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response
