"""Keeping what teams trust Tidings with: copies, moving to another database, changing keys.

Commands alone use it, never a page: each of them needs a right that no web process has.
"""
