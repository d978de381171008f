"""Acceptance tests of imports: clean and damaged files, as people have them."""
