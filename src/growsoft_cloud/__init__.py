"""The Growsoft cloud: the platform that hosts customer databases."""
