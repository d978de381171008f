"""Claims on a running instance: what is met here, and the planted violation that each check must find."""
