"""Errors of commands: an exit code that means something, and a sentence that ends with what to do."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest

from growsoft.cli import background, children, errors, watch
from growsoft.cli.errors import NeedsConfirmation, NotFound, NotRunning, NotYours, UsageError, ended, exit_code
from growsoft.cli.main import main
from growsoft.errors import AccessError, ConfigError, GrowsoftError, MissingError, ValidationError
from growsoft_cloud.backup.errors import BackupNotFound


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (GrowsoftError(), 1),
        (ValidationError(), 1),
        (NotRunning(), 1),
        (ConfigError(), 2),
        (UsageError(), 2),
        (NotFound(), 3),
        (MissingError(), 3),
        (BackupNotFound(), 3),
        (AccessError(), 4),
        (NotYours(), 4),
        (NeedsConfirmation(), 5),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: GrowsoftError, code: int) -> None:
    assert exit_code(error) == code


def test_an_error_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> int:
        raise ValidationError("No \x1b]0;title\x07\x9b31m\u202e here.\nSecond line.")

    assert ended(fail) == 1
    assert capsys.readouterr().err == "Error: No  ]0;title  31m  here.\nSecond line.\n"


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A home that service users could reach, so that root's state is in it as everybody else's is."""
    with TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def _raises(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


def test_an_error_is_said_on_standard_error_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(_raises(NotFound("There is no database kyoto."))) == 3
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "Error: There is no database kyoto.\n")


def test_a_stop_by_the_keyboard_is_no_failure_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(_raises(click.Abort())) == 130
    assert capsys.readouterr().err == "Stopped.\n"


def test_a_reader_who_has_gone_is_not_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(_raises(BrokenPipeError())) == 1
    assert capsys.readouterr().err == ""


def test_a_code_that_a_command_ends_with_is_kept() -> None:
    assert ended(lambda: 3) == 3
    assert ended(lambda: "anything else") == 0


def test_a_defect_is_a_sentence_and_its_traceback_is_shown_where_it_cannot_be_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GROWSOFT_HOME", str(tmp_path / "nothing"))
    assert ended(_raises(ZeroDivisionError("division by zero\nsecond line"))) == 1
    told = capsys.readouterr().err
    assert told.startswith(
        "Error: This is a defect of Growsoft, please report it (ZeroDivisionError: division by zero)"
    )
    assert "Traceback (most recent call last)" in told


def test_a_defect_leaves_its_traceback_in_the_log(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, open_home: Path
) -> None:
    (open_home / "instance.json").write_text("{}")
    (open_home / "keeper").mkdir()
    monkeypatch.setenv("GROWSOFT_HOME", str(open_home))
    assert ended(_raises(ZeroDivisionError("division by zero"))) == 1
    told = capsys.readouterr().err
    log = open_home / "keeper" / errors.LOG
    assert "Traceback" not in told
    assert str(log) in told
    assert "ZeroDivisionError: division by zero" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "kind",
    [
        found
        for module in (errors, background, children, watch)
        for _, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, GrowsoftError) and found.__module__ == module.__name__
    ],
)
def test_every_error_of_the_commands_says_something_to_people(kind: type[GrowsoftError]) -> None:
    assert kind().message.endswith(".")
    assert kind().message != kind.__name__


def test_main_ends_the_process_with_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["db", "nonsense"])
    assert end.value.code == 2
    assert "No such command 'nonsense'" in capsys.readouterr().err
