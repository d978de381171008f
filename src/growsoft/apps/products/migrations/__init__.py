"""Migrations of products: a module for each version that needs one."""
