"""The terminal: what others typed is shown on it and never steers it."""


def printable(text: str, kept: str = "") -> str:
    """Put blanks for what is no visible sign: control characters, and marks that turn text around."""
    return "".join(sign if sign.isprintable() or sign in kept else " " for sign in text)
