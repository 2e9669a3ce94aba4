"""Figures with their peers; nothing here is a test, and no test times anything."""
