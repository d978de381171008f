"""Backups: policy, archive, copies on several sites, verification and restore."""
