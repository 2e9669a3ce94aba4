"""ACT, for the subject phones: phones and their MDM."""
