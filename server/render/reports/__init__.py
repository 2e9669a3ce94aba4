"""What is told of reports and figures, in forms of its own."""
