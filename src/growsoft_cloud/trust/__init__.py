"""The cloud's claims, and the checks of backups and of the standby."""
