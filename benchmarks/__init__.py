"""Measurements of the paths that must be fast, each against a floor or a bound in the same run."""
