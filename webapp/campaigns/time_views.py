"""Pages on which a campaign's time is changed, and the way back to editing."""
