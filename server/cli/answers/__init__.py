"""What commands answer, by subject: sentences and tables, no act."""
