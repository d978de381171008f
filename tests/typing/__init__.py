"""Typing tests: mistakes that the type checkers must refuse."""
