"""LISTEN: case systems and usage feeds; one port, one file per format."""
