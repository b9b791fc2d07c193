"""What a WSGI server runs: the receiver of delivery reports mounted beside the web application."""

from __future__ import annotations

from webapp import create_app
from webapp.delivery.receiver import Mounted, Receiver
from webapp.extensions import db
from webapp.settings import settings_of

flask_app = create_app()
app = Mounted(Receiver(settings_of(flask_app), flask_app.config["SQLALCHEMY_DATABASE_URI"]), flask_app)


def forget_connections() -> None:
    """After a fork: leave the parent's database connections to the parent. The receiver has none yet."""
    with flask_app.app_context():
        db.engine.dispose(close=False)
