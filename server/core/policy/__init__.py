"""The policy: what an organisation decided, as data."""
