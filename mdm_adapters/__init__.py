"""Adapters to contact stores and MDMs: the port, the one HTTP door, one file per vendor, the registry."""
