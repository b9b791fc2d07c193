"""A team with campaigns in every state, to look at and to draw: `python -m webapp demo`, `make demo`."""

EMAIL = "demo@example.org"
# Printed, and no secret: it opens a team that holds nothing but this program's own inventions.
PASSWORD = "seven green lanterns by the river"  # noqa: S105 # see above
