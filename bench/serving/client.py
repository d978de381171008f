"""`python -m bench.serving.client`: clients that keep their connection and ask one call after the other."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from collections.abc import Mapping
from itertools import count
from typing import Any

_SLOW_CLIENTS = 50
_HUGE_BODIES = 4
_PATIENCE = 20


async def main(asked: Mapping[str, Any]) -> dict[str, object]:
    """Ask for some seconds, then tell when each call began and how long it took."""
    tls = ssl.create_default_context(cafile=asked["ca"])
    neighbours = await _neighbours(asked, tls)
    end = time.perf_counter() + float(asked["seconds"])
    told: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(_client(asked, tls, end, told) for _ in range(asked["clients"])))
    seconds = time.perf_counter() - began
    for task in neighbours:
        task.cancel()
    told.sort()
    return {
        "calls": len(told),
        "seconds": seconds,
        "p50_ms": told[len(told) // 2] * 1000,
        "p99_ms": told[len(told) * 99 // 100] * 1000,
    }


async def _client(asked: Mapping[str, Any], tls: ssl.SSLContext, end: float, told: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", asked["port"], ssl=tls, server_hostname=asked["host"])
    for number in count():
        began = time.perf_counter()
        if began > end:
            break
        writer.write(_request(asked, asked["bodies"][number % len(asked["bodies"])].encode()))
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(_length(head))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        told.append(time.perf_counter() - began)
    writer.close()


def _request(asked: Mapping[str, Any], body: bytes) -> bytes:
    head = (
        f"POST {asked['path']} HTTP/1.1\r\nHost: {asked['host']}:{asked['port']}\r\n"
        f"Authorization: Bearer {asked['key']}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))


# -- bad neighbours ----------------------------------------------------------------------------------------------------


async def _neighbours(asked: Mapping[str, Any], tls: ssl.SSLContext) -> list[asyncio.Task[None]]:
    """Open connections that stay idle, send a byte a second, and send bodies without an end."""
    idle = int(asked["idle"])
    if not idle:
        return []
    gate = asyncio.Semaphore(20)
    opened = await asyncio.gather(*(_opened(asked, tls, number, gate) for number in range(idle)))
    sys.stderr.write(f"{sum(opened)} of {idle} idle connections are open\n")
    slow = [asyncio.create_task(_slow(asked, tls)) for _ in range(_SLOW_CLIENTS)]
    huge = [asyncio.create_task(_huge(asked, tls)) for _ in range(_HUGE_BODIES)]
    return [*slow, *huge]


_kept: list[asyncio.StreamWriter] = []


async def _opened(asked: Mapping[str, Any], tls: ssl.SSLContext, number: int, gate: asyncio.Semaphore) -> bool:
    # Not more from one address than the server takes.
    async with gate:
        try:
            _reader, writer = await asyncio.open_connection(
                "127.0.0.1", asked["port"], ssl=tls, server_hostname=asked["host"],
                local_addr=(f"127.0.1.{number // 50 + 1}", 0),
            )  # fmt: skip
        except OSError:
            return False
        _kept.append(writer)
        return True


async def _slow(asked: Mapping[str, Any], tls: ssl.SSLContext) -> None:
    while True:
        try:
            _reader, writer = await asyncio.open_connection(
                "127.0.0.1", asked["port"], ssl=tls, server_hostname=asked["host"], local_addr=("127.0.2.1", 0)
            )
            for byte in _request(asked, b"{}"):
                writer.write(bytes((byte,)))
                await writer.drain()
                await asyncio.sleep(1)
        except OSError:
            await asyncio.sleep(1)


async def _huge(asked: Mapping[str, Any], tls: ssl.SSLContext) -> None:
    head = _request(asked, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    while True:
        try:
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", asked["port"], ssl=tls, server_hostname=asked["host"], local_addr=("127.0.3.1", 0)
            )
            writer.write(head)
            while not reader.at_eof():
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(0)  # a drained buffer gives nobody else a turn
            writer.transport.abort()
        except OSError:
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    json.dump(asyncio.run(main(json.load(sys.stdin))), sys.stdout)
