"""The wall on a real PostgreSQL: pool, transactions, sign-in, accounts, start-up check."""
