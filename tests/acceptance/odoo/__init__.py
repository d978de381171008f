"""Released clients of the Odoo API, unchanged, against a running instance."""
