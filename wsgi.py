"""What a WSGI server runs: the receiver of delivery reports mounted beside the web application."""

from __future__ import annotations

from webapp import create_app

app = create_app()
