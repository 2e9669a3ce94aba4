"""The tests, room by room as in the house; nothing the product imports lives here."""
