"""The tutorial of a first app, run as it stands: each block of shell and each file, in an environment of its own."""

from __future__ import annotations

import os
import re
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.security.scanners import ROOT
from tests.support.instance import Home, new_home

PAGE: Final = ROOT / "docs/tutorial/first-app.md"
_BLOCK: Final = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


def blocks() -> Iterator[tuple[str, str, str]]:
    """Give the blocks of the page: the file or an empty text, the language, the text."""
    for found in _BLOCK.finditer(PAGE.read_text()):
        yield found["file"] or "", found["kind"], found["text"]


def test_every_block_is_a_file_or_a_command() -> None:
    kinds = [(bool(file), kind) for file, kind, _text in blocks()]
    assert set(kinds) == {(True, "python"), (False, "sh")}
    assert len(kinds) == PAGE.read_text().count("\n```") / 2


def test_the_tutorial_works_as_it_stands() -> None:
    with new_home(GROWSOFT_DEMO="0") as home:
        learner = Learner(home)
        told = "".join(learner.follow(*block) for block in blocks())
    assert "7 passed" in told
    assert "12 passed" in told
    assert "Success: no issues found" in told
    assert "0 errors, 0 warnings" in told
    assert re.search(r"workshop\s+installed\s+1\.0", told)
    assert "['Look at the demo']" in told
    assert "workshop.user" in told.partition("['Look at the demo']")[2]


class Learner:
    """Somebody who does what a page says, in a virtual environment that has what this one has."""

    def __init__(self, home: Home) -> None:
        """Make the environment beside a home, where service users can reach it, too."""
        self.home = home
        folder = home.path.parent
        self.bin = folder / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, umask=0o022)
        (packages,) = (folder / "venv/lib").glob("python*/site-packages")
        parents = "; ".join(f"site.addsitedir({path!r})" for path in site.getsitepackages())
        (packages / "parent.pth").write_text(f"import site; {parents}\n")
        command = self.bin / "growsoft"
        command.write_text(f'#!/bin/sh\nexec {self.bin}/python -m growsoft.cli.main "$@"\n')
        command.chmod(0o755)
        self.place = folder / "work"
        self.place.mkdir(mode=0o755)

    def follow(self, file: str, kind: str, text: str) -> str:
        """Write a file, or run commands as a shell does that goes on where the last one ended; give what they print."""
        if file:
            assert (self.place / file).parent.is_dir()
            (self.place / file).write_text(text)
            return ""
        assert kind == "sh"
        marked = self.bin.parent / "place.txt"
        done = subprocess.run(
            ["/bin/sh", "-e", "-c", f"{text}\npwd > {marked}"], cwd=self.place, env=self.environ(), umask=0o022,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\nended with {done.returncode}:\n{done.stdout}"
        self.place = Path(marked.read_text().strip())
        return done.stdout

    def environ(self) -> dict[str, str]:
        """Say where the environment and the home are; packages come from here, never from the network."""
        here = {"PATH": f"{self.bin}:{os.environ['PATH']}", "VIRTUAL_ENV": str(self.bin.parent)}
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return {**self.home.environ, **here, **offline}
