"""Trust: the claims of the security policy, their checks and their evidence."""
