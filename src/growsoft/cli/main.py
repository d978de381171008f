"""The way into the command line, and out of it: every process ends with an exit code that means something."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    chosen = sys.argv[1:] if arguments is None else list(arguments)
    code = _version() if chosen == ["--version"] else _command(chosen)
    sys.exit(_flushed(code))


def _version() -> int:
    # By itself it needs nothing that takes time to import.
    from importlib.metadata import version

    print(f"growsoft, version {version('growsoft')}")  # noqa: T201 - this is what it is asked for
    return 0


def _command(arguments: list[str]) -> int:
    import resource

    from growsoft.cli.commands import growsoft
    from growsoft.cli.errors import ended

    # A core file would hold keys and customers' data in the clear; every process that a command starts inherits this.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return ended(lambda: growsoft.main(arguments, prog_name="growsoft", standalone_mode=False))


def _flushed(code: int) -> int:
    """Bring out what is still kept back; whoever reads the pipe may have gone."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code or 1
    return code


if __name__ == "__main__":
    main()
