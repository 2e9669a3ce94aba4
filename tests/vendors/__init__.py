"""Vendors for tests: stores in memory, servers that lie, and what they are asked with; nothing of these ships."""
