"""What a path is held against: the least work that could do the same, in the same run."""
