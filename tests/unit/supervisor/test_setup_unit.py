"""The unit that sets up: it tells how far it is, what went wrong, and never a traceback."""

import sys
import threading
import time
from pathlib import Path

import pytest

from growsoft.cli.children import ChildDidNotStart
from growsoft.cli.setup_unit import SetupUnit

TELLS = """
import sys
print('{"step": "Made one."}', flush=True)
sys.stderr.write("for the log\\n")
print('{"step": "Made two."}', flush=True)
print('{"links": {"control": "https://localhost/web/link/x"}}')
"""


@pytest.fixture
def said() -> list[str]:
    return []


def unit(source: str, folder: Path, said: list[str]) -> SetupUnit:
    return SetupUnit((sys.executable, "-c", source), None, {}, folder / "setup.log", said.append)


def test_it_tells_how_far_it_is_and_gives_its_links(tmp_path: Path, said: list[str]) -> None:
    setup = unit(TELLS, tmp_path, said)
    setup.start(threading.Event())
    assert said == ["Made one.", "Made two."]
    assert setup.links == {"control": "https://localhost/web/link/x"}
    assert (tmp_path / "setup.log").read_text() == "for the log\n"


def test_it_stands_for_itself_until_it_is_stopped(tmp_path: Path, said: list[str]) -> None:
    setup = unit(TELLS, tmp_path, said)
    setup.start(threading.Event())
    assert not setup.ended(0.01)
    setup.stop()
    assert setup.ended(1)


def test_what_went_wrong_is_its_own_sentence(tmp_path: Path, said: list[str]) -> None:
    setup = unit("""print('{"error": "The disk is full; make room."}'); raise SystemExit(1)""", tmp_path, said)
    with pytest.raises(ChildDidNotStart, match=r"^The disk is full; make room\.$"):
        setup.start(threading.Event())


def test_a_traceback_goes_to_the_log_and_the_sentence_says_where(tmp_path: Path, said: list[str]) -> None:
    setup = unit("import nowhere_to_be_found", tmp_path, said)
    with pytest.raises(ChildDidNotStart, match=r"setup\.log says why") as refused:
        setup.start(threading.Event())
    assert "Traceback" not in str(refused.value)
    assert "ModuleNotFoundError" in (tmp_path / "setup.log").read_text()


@pytest.mark.parametrize("source", ["", "print('{}')", "print('no JSON at all')", "print('{\"links\": 5}')"])
def test_ending_without_links_is_no_success(tmp_path: Path, said: list[str], source: str) -> None:
    setup = unit(source, tmp_path, said)
    with pytest.raises(ChildDidNotStart):
        setup.start(threading.Event())


def test_it_can_be_stopped_in_the_middle(tmp_path: Path, said: list[str]) -> None:
    setup = unit("import time; time.sleep(60)", tmp_path, said)
    stopping = threading.Event()
    starting = threading.Thread(target=setup.start, args=(stopping,))
    starting.start()
    time.sleep(0.2)
    stopping.set()
    setup.stop()
    starting.join(10)
    assert not starting.is_alive()
