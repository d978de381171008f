"""A server that echoes what it was asked: the real server and limits in front of a handler of four lines."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path

import msgspec

from growsoft.security.tls import server_context
from growsoft.web import server
from growsoft.web.errors import Refusal
from growsoft.web.headers import HeadersPolicy
from growsoft.web.http import JSON, TEXT, Request, Response
from growsoft.web.limits import Limits
from growsoft.web.streams import Parts


class Echo:
    """Answers with what it understood."""

    ended = 0

    def handle(self, request: Request) -> Response:
        if request.path == "/slow":
            time.sleep(1.0)
        if request.path == "/big":
            return Response(body=b"x" * 50_000_000, content_type=TEXT)
        if request.path.startswith("/parts/"):
            return Response(content_type=TEXT, stream=Parts(self.parts(request.path.removeprefix("/parts/"))))
        told = {"method": request.method, "path": request.path, "body": len(request.body), "client": request.client}
        if request.path == "/ended":
            told["ended"] = self.ended
        return Response(body=msgspec.json.encode(told), content_type=JSON)

    def parts(self, kind: str) -> Generator[bytes]:
        """Give a number of megabytes; or one, and then fail or wait. What was ended before its end is told."""
        try:
            for _ in range(int(kind) if kind.isdigit() else 1):
                yield b"y" * 1_000_000
            if kind == "fails":
                raise RuntimeError("half-way")
        finally:
            self.ended += 1

    def broke(self, request: Request, error: Exception) -> None:
        print(request.path, error, file=sys.stderr)  # noqa: T201 - a test looks for it

    def takes_files(self, request: Request) -> bool:
        return request.path == "/files"

    def refuse(self, request: Request, refusal: Refusal) -> Response:
        del request
        return Response(
            status=refusal.status, body=refusal.message.encode(), content_type=TEXT, headers=refusal.headers
        )

    def finish(self, request: Request, response: Response) -> tuple[Response, tuple[tuple[str, str], ...]]:
        return response, HeadersPolicy().apply(response, host=request.host)


def main(certificate: str, key: str, given: str) -> int:
    """Serve on free ports until a signal, and say which they are."""
    limits = msgspec.json.decode(given, type=Limits)
    tls = server_context(Path(certificate), Path(key))
    both = socket.create_server(("127.0.0.1", 0))
    plain = socket.create_server(("127.0.0.1", 0))
    port = both.getsockname()[1]

    def tell() -> None:
        print(port, plain.getsockname()[1], flush=True)  # noqa: T201 - the test reads the ports

    listeners = [server.Listener(both, tls), server.Listener(plain, None)]
    return server.run(Echo(), listeners, https_port=port, limits=limits, ready=tell)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
