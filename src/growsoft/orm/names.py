"""Names in PostgreSQL that are made of others."""

from hashlib import sha256
from typing import Final

_LONGEST: Final = 63  # bytes: PostgreSQL cuts longer names off, so that two could become one


def name_within(name: str) -> str:
    """Shorten a name to what PostgreSQL keeps, telling long ones apart by a hash."""
    return name if len(name) <= _LONGEST else f"{name[:50]}_{sha256(name.encode()).hexdigest()[:12]}"
