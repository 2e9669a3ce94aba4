"""TELL: tables and texts into HTML, CSV, JSON and the terminal."""
