"""Migrations of fleet: a module for each version that needs one."""
