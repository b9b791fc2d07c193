"""What happens before any view: requests that are broken or come from elsewhere are refused, then the
person is found, then the team of the address, whose scope is opened.

A team that does not exist and a team that the person is not in are the same 404.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Flask, Response, abort, current_app, g, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.exceptions import RequestEntityTooLarge, SecurityError

from webapp import pages, tenancy
from webapp.accounts import queries, sessions
from webapp.accounts.context import CurrentMember, Preferences
from webapp.settings import settings_of

View = TypeVar("View", bound=Callable[..., Any])

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_PATH = 2_000
MOST_QUERY_VALUE = 10_000
MOST_TEXT = 1_000_000
MOST_ID = 2**63 - 1
# Machines ask these without a person; a database that is away must not change their answer.
NOBODY = frozenset({"static", "health"})


def init_app(app: Flask) -> None:
    """Put the questions before each view of this application."""
    sessions.init_app(app)
    # In front of the form token's check, which reads the form and so would leave nothing to look at.
    app.before_request_funcs.setdefault(None, []).insert(0, refuse_broken)
    app.url_value_preprocessor(_take_team)
    app.url_defaults(_fill_team)
    app.before_request(refuse_foreign)
    app.before_request(find_person)
    app.before_request(open_team)


def long_text(most: int) -> Callable[[View], View]:
    """Let a view take text fields of up to `most` bytes; others take 1 MB."""

    def mark(view: View) -> View:
        view.most_text = most  # type: ignore[attr-defined] # a mark on a function
        return view

    return mark


def takes_files(most: int) -> Callable[[View], View]:
    """Let a view take a form with files of up to `most` bytes together, from somebody who is signed in."""

    def mark(view: View) -> View:
        view.most_files = most  # type: ignore[attr-defined] # a mark on a function
        return view

    return mark


# ---- broken and foreign requests ---------------------------------------------------------------------


def refuse_broken() -> ResponseReturnValue | None:
    """Answer 4xx for what no form of ours sends and what a database would choke on."""
    if isinstance(request.routing_exception, SecurityError):
        return _plain("This program does not answer to that host name.", 400)
    if any(isinstance(value, int) and value > MOST_ID for value in (request.view_args or {}).values()):
        abort(404)
    path = str(request.environ.get("PATH_INFO", "")).encode("latin-1")
    if len(path) > MOST_PATH or not _is_text(path):
        return _plain("The address cannot be read.", 400)
    if not _is_clean(request.query_string, MOST_QUERY_VALUE):
        return _plain("The part of the address after the question mark cannot be read.", 400)
    if request.is_json:
        # The form library would take it for a form, with lists and numbers where we expect text.
        return _plain("This program takes forms, not JSON.", 415)
    most_files = getattr(current_app.view_functions.get(request.endpoint or ""), "most_files", 0)
    if most_files and request.mimetype == "multipart/form-data":
        return _refuse_files(most_files)
    if request.method not in SAFE_METHODS and not _form_is_clean():
        return _plain("The form cannot be read: it is too long, or not UTF-8 text.", 400)
    return None


def _refuse_files(most: int) -> ResponseReturnValue | None:
    """The same for a form with files, which are laid on the disk while they come, not into memory."""
    if not current_user.is_authenticated:
        # Nothing so large is taken from a stranger.
        return to_sign_in()
    request.max_content_length = most + MOST_TEXT
    try:
        clean = _form_is_clean()
    except RequestEntityTooLarge:
        _pour_away(request.environ["wsgi.input"], most)
        sentence = _("The file is larger than %(n)s MB. Nothing of it was kept.", n=most // 2**20)
        return pages.error_page(413, reason=sentence)
    return None if clean else _plain("The form cannot be read: it is too long.", 400)


def _pour_away(stream: Any, most: int) -> None:
    """Read what a browser is still sending, within bounds: cut off, it would not show our answer."""
    left = min(request.content_length or 0, 4 * most)
    while left > 0 and (piece := stream.read(min(left, 1 << 20))):
        left -= len(piece)


def _form_is_clean() -> bool:
    most = getattr(current_app.view_functions.get(request.endpoint or ""), "most_text", MOST_TEXT)
    # Kept, so that the form can still be made of it. Larger than allowed for the program is a 413 here.
    if request.mimetype == "application/x-www-form-urlencoded":
        return _is_clean(request.get_data(cache=True), most)
    # The parts of a multipart form come decoded; what was not UTF-8 has become U+FFFD, which is harmless.
    return all(len(text) <= most and "\0" not in text for text in request.form.values())


def _is_clean(encoded: bytes, most: int) -> bool:
    """Whether a query or a form holds UTF-8 text without NUL, no name or value longer than `most` bytes."""
    # Taken apart as bytes: the ready-made parser replaces what is not UTF-8 instead of saying so.
    pieces = (unquote_to_bytes(piece) for pair in encoded.split(b"&") for piece in pair.split(b"=", 1))
    return all(_is_text(piece) and len(piece) <= most for piece in pieces)


def _is_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def refuse_foreign() -> ResponseReturnValue | None:
    """Answer 400 for a change that a page of another site asks for; the form token is the other guard."""
    if request.method in SAFE_METHODS:
        return None
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site not in {None, "same-origin", "none"} or not _is_our_origin(origin, site):
        return _plain("This request came from another site. Nothing was changed.", 400)
    return None


def _is_our_origin(origin: str | None, site: str | None) -> bool:
    if origin is None:
        return True
    if origin == "null":
        # Browsers hide the origin in some private modes, but then say that the site is the same.
        return site is not None
    public = urlsplit(settings_of(current_app).public_url)
    return origin in {f"{public.scheme}://{public.netloc}", f"{public.scheme}://{request.host}"}


def _plain(sentence: str, status: int) -> Response:
    return Response(sentence + "\n", status=status, mimetype="text/plain")


# ---- the person --------------------------------------------------------------------------------------


def find_person() -> ResponseReturnValue | None:
    """Set `g.user` (None: nobody) and what they chose; send nobody to sign-in where somebody is needed."""
    g.user = None
    if _is_for_machines():
        return None
    if current_user.is_authenticated:
        g.user = current_user._get_current_object()
        g.user_preferences = Preferences(g.user.language, g.user.theme)
    view = current_app.view_functions.get(request.endpoint or "")
    if g.user is None and getattr(view, "permission", "public") == "signed_in":
        return to_sign_in()
    return None


def to_sign_in() -> Response:
    """Send the browser to sign-in, and from there back to where it was."""
    # A form is not sent again by itself.
    wanted = page_at_hand() if request.method == "GET" or pages.is_fragment() else None
    return pages.see_other(url_for("accounts.sign_in", next=wanted))


def page_at_hand() -> str | None:
    """The page that the person sees: not the fragment that was asked for, nor where a form was sent."""
    if pages.is_fragment():
        shown = request.headers.get("HX-Current-URL")
    else:
        shown = request.full_path.rstrip("?") if request.method == "GET" else request.referrer
    return local_path(_without_host(shown))


def local_path(text: str | None) -> str | None:
    """The text, if it is a path of this site and nothing else; None for anything a browser could leave by."""
    if not text or len(text) > MOST_PATH or not text.startswith("/") or "\\" in text:
        return None
    if text.startswith("//") or not text.isprintable():
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if not parts.scheme and not parts.netloc else None


def _without_host(url: str | None) -> str | None:
    if not url or url.startswith("/"):
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.netloc != request.host:
        return None
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


# ---- the team ----------------------------------------------------------------------------------------


def open_team() -> ResponseReturnValue | None:
    """On a team's address set `g.team` and `g.member` and open the team's scope."""
    address = g.get("team_address")
    if address is None:
        return None
    if g.user is None:
        return to_sign_in()
    found = next((mine for mine in queries.my_memberships() if mine.team.address == address), None)
    if found is None:
        abort(404)
    tenancy.open_scope(found.team.id)
    g.team = found.team
    g.member = CurrentMember(g.user, found.role)
    if session.get("team") != address:
        session["team"] = address
    return None


def _take_team(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Take the team's address out of the view's arguments: views find the team in `g`."""
    if values is not None and "team" in values:
        g.team_address = values.pop("team")


def _fill_team(endpoint: str, values: dict[str, Any]) -> None:
    """Let `url_for("campaigns.index")` stay in the present team."""
    team = g.get("team")
    if team is None or "team" in values:
        return
    if current_app.url_map.is_endpoint_expecting(endpoint, "team"):
        values["team"] = team.address


def _is_for_machines() -> bool:
    return request.endpoint in NOBODY or request.blueprint in NOBODY
