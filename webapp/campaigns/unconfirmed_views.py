"""The page on which a person decides about batches without a clear answer."""
