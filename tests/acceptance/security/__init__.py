"""Attacks on a running instance, from outside and from other accounts of its machine."""
