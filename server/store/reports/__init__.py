"""REMEMBER, for the subject reports: reports."""
