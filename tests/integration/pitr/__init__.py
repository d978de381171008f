"""Point in time on real clusters: the archive, base backups, and restores of one database to a moment."""
