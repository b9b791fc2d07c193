"""What a path is held against: the least work that could do the same, by the same database in the same run."""
