"""Values of the ORM."""
