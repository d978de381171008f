"""Sign-in: how somebody proves who they are."""
