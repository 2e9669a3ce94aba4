"""The tables, by subject; no query lives here."""
