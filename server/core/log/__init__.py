"""The audit log's mathematics: entries, tree, signed checkpoints, the audit of all of it; no I/O."""
