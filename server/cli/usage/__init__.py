"""the command, for the subject usage: feeds, channels, declarations."""
