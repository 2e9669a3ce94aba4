"""DECIDE, for the subject register: what telling of a case changes."""
