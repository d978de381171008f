"""What is due, what is wrong, and who is told."""
