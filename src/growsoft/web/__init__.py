"""The web: HTTP and nothing else, from the request line to the headers policy."""
