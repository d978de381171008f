"""Unit tests of exchange: reading files and cells, and planning what becomes of them."""
