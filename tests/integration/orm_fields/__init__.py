"""The kinds of fields and what is worked out, tried on a database of their own."""
