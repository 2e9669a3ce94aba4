"""TELL, for the subject usage: feeds, channels, declarations."""
