"""SHOW, for the subject admin: accounts, setup, keys, connections, the log."""
