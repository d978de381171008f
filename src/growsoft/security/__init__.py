"""Security values: passwords, tokens, keys, certificates and streams; pure functions, no database and no web."""
