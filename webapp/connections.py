"""Which database this process uses, and as whom."""

from __future__ import annotations

from webapp.settings import Settings, SettingsError


def program_url(settings: Settings) -> str:
    """SQLAlchemy address of the database for the role *program*: the setting, else the embedded cluster."""
    if settings.database_url:
        return settings.database_url
    from webapp import embedded

    return embedded.prepare(settings.instance).program_url


def owner_url(settings: Settings) -> str:
    """The same for the role *owner*, which alone may change tables. Raises SettingsError if it is not set."""
    if settings.database_owner_url:
        return settings.database_owner_url
    if settings.database_url:
        raise SettingsError("DATABASE_OWNER_URL is not set: migrations need the role that owns the tables.")
    from webapp import embedded

    return embedded.prepare(settings.instance).owner_url


def conninfo(url: str) -> str:
    """The same address in the form that psycopg itself understands."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
