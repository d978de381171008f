"""Names: what constraints, indexes and policies are called in PostgreSQL."""

from hashlib import sha256


def name_within(name: str) -> str:
    """Shorten a name to what PostgreSQL keeps (63 bytes), telling long ones apart by a hash."""
    return name if len(name) <= 63 else f"{name[:50]}_{sha256(name.encode()).hexdigest()[:12]}"
