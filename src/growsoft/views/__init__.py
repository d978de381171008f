"""Views: form, list and search as values, rendered to escaped HTML."""
