"""The API of Growsoft itself."""
