"""The ORM on a real PostgreSQL: fields, searches, writes, rights, and what is worked out."""
