"""The API of Growsoft itself, as released software meets it."""
