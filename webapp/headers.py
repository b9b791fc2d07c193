"""Headers of every answer: what a browser may do with our pages."""

from __future__ import annotations

from flask import Flask, Response, g, request

from webapp.settings import settings_of

# Nothing from anywhere but here, nothing inline. htmx, styles, fonts and icons are our own files.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def init_app(app: Flask) -> None:
    """Put the headers on every answer of this application."""
    settings = settings_of(app)

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        if settings.https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if getattr(g, "user", None) is not None and request.endpoint != "static":
            response.headers["Cache-Control"] = "no-store"
        return response
