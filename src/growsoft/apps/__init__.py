"""Built-in applications, each with the same files inside."""
