"""TELL, for the subject register: cases, closures, imports."""
