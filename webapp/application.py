"""Puts the web application together: settings, extensions, capabilities, error pages, and the last checks."""

from __future__ import annotations

import importlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from webapp import connections, logs
from webapp.extensions import csrf, db, limiter
from webapp.settings import Settings

ROOT = Path(__file__).parent.parent
REGISTERING = (
    "webapp.accounts.views",
    "webapp.accounts.profile_views",
    "webapp.accounts.team_views",
    "webapp.accounts.invitation_views",
    "webapp.accounts.reset_views",
    "webapp.campaigns.jobs",
    "webapp.gateway.jobs",
    "webapp.reports.jobs",
    "webapp.campaigns.views",
    "webapp.campaigns.compose_views",
    "webapp.campaigns.review_views",
    "webapp.campaigns.time_views",
    "webapp.campaigns.unconfirmed_views",
    "webapp.campaigns.message_views",
    "webapp.contacts.imports.jobs",
    "webapp.contacts.imports.views",
    "webapp.contacts.views",
    "webapp.contacts.edit_views",
    "webapp.contacts.bulk_views",
    "webapp.contacts.group_views",
    "webapp.contacts.optout_views",
    "webapp.delivery.jobs",
    "webapp.delivery.erasing_views",
    "webapp.reports.person_views",
)
# A form carries at most a paste of 10,000 numbers with names and some air; files have a door of their own.
MOST_FORM_BYTES = 4 * 1024 * 1024


def build(settings: Settings | None = None, **overrides: Any) -> Flask:
    """Make the application. `overrides` go into Flask's configuration (tests use it).

    Raises SettingsError for a wrong setting and RuntimeError for a route without a permission mark.
    """
    settings = settings or Settings.from_environ()
    logs.configure(development=settings.development)
    app = Flask("webapp", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(_configuration(settings))
    app.config.update(overrides)
    app.extensions["tidings_settings"] = settings
    if settings.proxies:
        # Only as many addresses are believed as there are proxies that we know of; with none, none.
        proxied = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)
        app.wsgi_app = proxied  # type: ignore[method-assign] # how Flask wants to be wrapped
    _bind_extensions(app)
    _register(app, settings)
    return app


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.make_secret_key(),
        "SQLALCHEMY_DATABASE_URI": connections.program_url(settings),
        # An error must not tell the values it was made with: they may be numbers or credentials.
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_pre_ping": True,
            "pool_size": 5,
            "max_overflow": 20,
            "hide_parameters": True,
            # The transactions of sending are written for this one, whatever a database's default is.
            "isolation_level": "READ COMMITTED",
        },
        "MAX_CONTENT_LENGTH": MOST_FORM_BYTES,
        "MAX_FORM_MEMORY_SIZE": MOST_FORM_BYTES,
        "MAX_FORM_PARTS": 2000,
        "TRUSTED_HOSTS": _trusted_hosts(settings),
        "SESSION_COOKIE_NAME": "__Host-tidings" if settings.https else "tidings",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": settings.https,
        "PERMANENT_SESSION_LIFETIME": timedelta(days=7),
        "SEND_FILE_MAX_AGE_DEFAULT": timedelta(hours=1),
        "WTF_CSRF_TIME_LIMIT": None,
        # Origin and Sec-Fetch-Site are checked instead, which private modes do not strip.
        "WTF_CSRF_SSL_STRICT": False,
        "RATELIMIT_STORAGE_URI": "tidings-postgres://",
        "BABEL_TRANSLATION_DIRECTORIES": str(ROOT / "webapp" / "translations"),
    }


def _trusted_hosts(settings: Settings) -> list[str]:
    hosts = {settings.public_host, settings.bind.host, "127.0.0.1", "localhost", "[::1]"}
    return sorted(hosts - {"", "0.0.0.0", "::"})  # noqa: S104 # taken out, not bound to


def _bind_extensions(app: Flask) -> None:
    from webapp.accounts import limits_storage

    db.init_app(app)
    csrf.init_app(app)
    limits_storage.bind(app)
    limiter.init_app(app)


def _register(app: Flask, settings: Settings) -> None:
    """Register every capability. They are imported here, so that none is imported by another's import."""
    from webapp import error_pages as errors
    from webapp import headers, kit, pages
    from webapp.accounts import permissions, requests
    from webapp.accounts.audit_views import blueprint as audit
    from webapp.accounts.blueprint import blueprint as accounts
    from webapp.accounts.member_views import blueprint as members
    from webapp.campaigns.blueprint import blueprint as campaigns
    from webapp.campaigns.start import blueprint as start
    from webapp.campaigns.template_views import blueprint as templates
    from webapp.contacts.blueprint import blueprint as contacts
    from webapp.gateway.views import blueprint as gateway
    from webapp.health.views import blueprint as health
    from webapp.reports.balance_views import blueprint as balance
    from webapp.reports.export_views import blueprint as exports
    from webapp.reports.help_views import blueprint as help_pages
    from webapp.reports.home_views import blueprint as home
    from webapp.reports.views import blueprint as reports

    # These register their jobs or their pages when they are imported; nothing else needs them here.
    for module in REGISTERING:
        importlib.import_module(module)
    pages.init_app(app, may=permissions.may)
    headers.init_app(app)
    requests.init_app(app)
    for blueprint in (
        health,
        accounts,
        members,
        audit,
        gateway,
        home,
        reports,
        balance,
        exports,
        help_pages,
        start,
        campaigns,
        templates,
        contacts,
    ):
        app.register_blueprint(blueprint)
    if settings.development or app.testing:
        app.register_blueprint(kit.blueprint)
    _connect_pages(app)
    errors.init_app(app, to_sign_in=requests.to_sign_in)
    permissions.check_all_routes(app)


def _connect_pages(app: Flask) -> None:
    """Tell the frame of every page what there is."""
    from webapp import pages
    from webapp.accounts import audit_objects
    from webapp.accounts.audit_views import NAV as AUDIT_PLACES
    from webapp.accounts.member_views import NAV as MEMBER_PLACES
    from webapp.campaigns.blueprint import NAV as CAMPAIGN_PLACES
    from webapp.campaigns.sent_to import sent_to
    from webapp.campaigns.start import NAV as START_PLACES
    from webapp.campaigns.template_views import NAV as TEMPLATE_PLACES
    from webapp.contacts.blueprint import NAV as CONTACT_PLACES
    from webapp.contacts.imports import undoing
    from webapp.gateway import queries as gateway
    from webapp.gateway.views import NAV as GATEWAY_PLACES
    from webapp.reports.audit_kinds import KINDS
    from webapp.reports.balance_views import NAV as BALANCE_PLACES
    from webapp.reports.home_views import NAV as HOME_PLACES
    from webapp.reports.views import NAV as REPORT_PLACES

    undoing.connect(app, sent_to)
    audit_objects.connect(app, **KINDS)
    pages.add_nav(app, *MEMBER_PLACES, *AUDIT_PLACES, *TEMPLATE_PLACES)
    pages.add_nav(
        app, *HOME_PLACES, *START_PLACES, *CAMPAIGN_PLACES, *CONTACT_PLACES, *GATEWAY_PLACES, *BALANCE_PLACES
    )
    pages.add_nav(app, *REPORT_PLACES)
    pages.connect(app, balance=gateway.frame_balance)
