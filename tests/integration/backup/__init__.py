"""Tests of backups on a real PostgreSQL."""
