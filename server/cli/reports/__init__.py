"""the command, for the subject reports: reports."""
