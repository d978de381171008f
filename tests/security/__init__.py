"""Security tests: each tries to break a promise and is named after it."""
