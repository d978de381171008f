"""Mutants: defects planted in the walls, each of which some test must find."""
