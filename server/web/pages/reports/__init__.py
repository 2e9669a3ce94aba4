"""SHOW, for the subject reports: reports."""
