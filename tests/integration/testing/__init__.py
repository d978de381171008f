"""What application developers test with: fixtures, the query log, the clock."""
