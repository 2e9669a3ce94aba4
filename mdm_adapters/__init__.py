"""Adapters to contact servers and MDMs: the port, the one HTTP client, one file per vendor, the registry."""
