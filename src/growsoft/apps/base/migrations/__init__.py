"""Migrations of base: a module for each version that needs one."""
