"""REMEMBER: the only SQL."""
