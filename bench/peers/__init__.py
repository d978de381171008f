"""Other frameworks beside the product: one run, one server, the same rows; each in a process and a venv of its own."""
