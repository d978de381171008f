"""Checks of claims on real databases in which a violation was planted."""
