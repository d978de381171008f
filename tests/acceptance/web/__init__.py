"""The pages in a real browser, over TLS."""
