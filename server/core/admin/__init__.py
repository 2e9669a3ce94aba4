"""DECIDE, for the subject admin: how many wrong tries to sign in are borne, and from whom."""
