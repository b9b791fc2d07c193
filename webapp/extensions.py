"""Extensions, made unbound; `create_app` binds them."""

from __future__ import annotations

from flask import request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect

from webapp.database import Base

db = SQLAlchemy(model_class=Base, disable_autonaming=True)
migrate = Migrate()
babel = Babel()
login = LoginManager()
csrf = CSRFProtect()


def client_address() -> str:
    """The address limits are counted by: an IPv4 address, or the /64 network of an IPv6 one."""
    address = request.remote_addr or "none"
    return ":".join(address.split(":")[:4]) if ":" in address else address


limiter = Limiter(key_func=client_address, headers_enabled=False)
