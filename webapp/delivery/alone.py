"""The receiver by itself, for machines that take reports and serve no pages: `python -m webapp receive`."""

from __future__ import annotations

from webapp import connections, logs
from webapp.delivery.receiver import Receiver
from webapp.settings import Settings

settings = Settings.from_environ()
logs.configure(development=settings.development)
app = Receiver(settings, connections.program_url(settings))
