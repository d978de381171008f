"""PostgreSQL: the only place that speaks to the database."""
