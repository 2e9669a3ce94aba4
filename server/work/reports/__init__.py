"""ACT, for the subject reports: reports."""
