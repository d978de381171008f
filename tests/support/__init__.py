"""Support: what tests of several floors share, such as a small declared schema and an attacker's connection."""
