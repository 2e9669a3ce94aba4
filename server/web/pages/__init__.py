"""One file for each group of pages: what is shown and which act a button calls; no access is decided here."""
