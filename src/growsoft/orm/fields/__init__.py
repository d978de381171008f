"""Fields: the typed columns and relations of a model."""
