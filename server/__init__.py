"""closeout: the server's rooms; see README.md in this folder for what lives where."""
