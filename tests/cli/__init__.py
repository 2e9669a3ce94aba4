"""Tests of the command: arguments in, answers out, on a real CardDAV server."""
