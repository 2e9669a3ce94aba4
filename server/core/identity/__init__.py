"""Telephone numbers and e-mail addresses as people write them, in one normal form each, and their tokens."""
