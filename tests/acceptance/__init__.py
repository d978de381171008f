"""Acceptance tests: what a user is promised, through the commands and screens a user has."""
