"""Tests of backups on bytes, without a database."""
