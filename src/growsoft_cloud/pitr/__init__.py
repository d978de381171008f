"""Point in time: the WAL archive and base backups of a cluster, and the restore of one customer to a moment."""
