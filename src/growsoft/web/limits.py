"""Limits: how much of a connection, a head, a body and a thread one client may take."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one worker; times in seconds, sizes in bytes."""

    header_seconds: float = 5.0
    body_seconds: float = 30.0
    keep_alive_seconds: int = 15
    write_seconds: float = 30.0
    shutdown_seconds: int = 10
    header_bytes: int = 32 * 1024
    header_fields: int = 100
    body_bytes: int = 10 * MIB
    bodies_bytes: int = 256 * MIB
    # Files have a limit, a time and a share of the memory of their own, and only for people who are signed in.
    upload_bytes: int = 51 * MIB
    upload_seconds: float = 300.0
    uploads_bytes: int = 160 * MIB
    connections: int = 1000
    connections_per_address: int = 100
    threads: int = 8
    waiting: int = 64
    streams: int = 16

    def __post_init__(self) -> None:
        """Refuse bounds that let nobody in."""
        for name in self.__slots__:
            if getattr(self, name) <= 0:
                raise ValueError(f"The limit {name} must be more than zero.")
        if self.bodies_bytes < self.body_bytes:
            raise ValueError("All bodies together must have room for one.")
        if self.uploads_bytes < self.upload_bytes:
            raise ValueError("All uploads together must have room for one.")


class Connections:
    """Counts open connections, by address; an IPv6 client owns its whole /64."""

    def __init__(self, limits: Limits) -> None:
        """Start with none."""
        self._limits = limits
        self._by_network: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """How many are open."""
        return self._by_network.total()

    def admit(self, address: str) -> bool:
        """Count one more connection from an address, unless that would be too many."""
        network = network_of(address)
        if self.total >= self._limits.connections or self._by_network[network] >= self._limits.connections_per_address:
            return False
        self._by_network[network] += 1
        return True

    def release(self, address: str) -> None:
        """Forget a connection that was admitted."""
        network = network_of(address)
        self._by_network[network] -= 1
        if self._by_network[network] <= 0:
            del self._by_network[network]


def network_of(address: str) -> str:
    """Return the network that one client can be expected to own: the address itself, or an IPv6 /64."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, 64), strict=False))
    return str(found)


class Budget:
    """The bytes that all request bodies in memory may take together."""

    def __init__(self, size: int) -> None:
        """Start with everything free."""
        self._free = size

    def take(self, size: int) -> bool:
        """Take some bytes, unless they are not there."""
        if size > self._free:
            return False
        self._free -= size
        return True

    def give_back(self, size: int) -> None:
        """Return bytes that were taken."""
        self._free += size
