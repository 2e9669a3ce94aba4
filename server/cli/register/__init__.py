"""the command, for the subject register: cases, closures, imports."""
