"""Mistakes that the type checkers must find: each file of `refused/` marks its wrong lines, and only those.

A line that ends with `# refused: basedpyright` is found by it alone (mypy knows no LiteralString), `# refused: both` by
mypy too. A mistake that passes fails the test, and so does a complaint about a line that is right.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Final, Literal

import pytest

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent
FILES: Final = sorted((HERE / "refused").glob("*.py"))
TOOLS: Final = Path(sys.executable).parent

Checker = Literal["basedpyright", "mypy"]
Lines = dict[str, set[int]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[Checker, Lines]:
    """The lines each checker complains about, by the name of the file."""
    return {"basedpyright": _basedpyright(tmp_path_factory.mktemp("checked")), "mypy": _mypy()}


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
@pytest.mark.parametrize("checker", ["basedpyright", "mypy"])
def test_each_mistake_is_refused_and_nothing_else(found: dict[Checker, Lines], checker: Checker, file: Path) -> None:
    marked = _marked(file, checker)
    assert marked, "a file without a mistake proves nothing"
    assert found[checker][file.name] == marked


def _marked(file: Path, checker: Checker) -> set[int]:
    by = {"both"} if checker == "mypy" else {"both", "basedpyright"}
    marks = (re.search(r"# refused: (\w+)$", line) for line in file.read_text().splitlines())
    return {number for number, mark in enumerate(marks, 1) if mark is not None and mark[1] in by}


def _basedpyright(folder: Path) -> Lines:
    # A project of its own: ours leaves out what is wrong on purpose.
    settings = {
        "include": [str(HERE / "refused")],
        "extraPaths": [str(ROOT / "src"), str(ROOT)],
        "pythonVersion": "3.11",
        "typeCheckingMode": "strict",
        "venvPath": str(TOOLS.parent.parent),
        "venv": TOOLS.parent.name,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [str(TOOLS / "basedpyright"), "--project", str(folder), "--outputjson"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert told["summary"]["filesAnalyzed"] == len(FILES)
    lines: Lines = defaultdict(set)
    for one in told["generalDiagnostics"]:
        lines[Path(one["file"]).name].add(one["range"]["start"]["line"] + 1)
    return lines


def _mypy() -> Lines:
    command = [str(TOOLS / "mypy"), "--no-pretty", "--hide-error-context", *map(str, FILES)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    lines: Lines = defaultdict(set)
    for path, number in re.findall(r"^(\S+\.py):(\d+): error: ", told.stdout, re.MULTILINE):
        lines[Path(path).name].add(int(number))
    return lines
