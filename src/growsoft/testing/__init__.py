"""Fixtures for application developers: database, env, browser and clock."""
