"""Pages on which a campaign is written and reviewed."""
