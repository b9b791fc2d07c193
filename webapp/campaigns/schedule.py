"""When a campaign begins and when it must end, by the clock."""

from __future__ import annotations

from webapp.campaigns.moments import local_text as local_text
from webapp.campaigns.moments import parse_local as parse_local
