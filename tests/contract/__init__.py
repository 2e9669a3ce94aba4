"""The law of each port, run for every member of its registry."""
