"""Whole stories with real parts."""
