"""Attacks on what the ORM answers: hidden fields and records, and what comes over the wire."""
