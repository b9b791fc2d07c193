"""The page of one message: everything that is known of it, in order."""
