"""The keeper: the one process that holds the superuser login, and its closed list of verbs."""
