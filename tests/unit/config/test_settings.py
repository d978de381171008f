"""Settings: read once from the environment and growsoft.toml, refused when they cannot work."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.config import Settings, load
from growsoft.config.settings import default_home
from growsoft.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _with_file(home: Path, text: str) -> dict[str, str]:
    home.mkdir()
    (home / "growsoft.toml").write_text(text)
    return {"GROWSOFT_HOME": str(home)}


def test_defaults_are_loopback_and_port_8443(home: Path) -> None:
    settings = load({"GROWSOFT_HOME": str(home)})
    assert (settings.home, settings.port, settings.bind) == (home, 8443, "127.0.0.1")
    assert settings.loopback_only
    assert settings.origin("port") == "default"
    assert settings.origin("home") == "GROWSOFT_HOME"


def test_root_and_ordinary_users_have_homes_of_their_own() -> None:
    assert default_home({"HOME": "/root"}, uid=0) == Path("/var/lib/growsoft")
    assert default_home({"HOME": "/home/ada"}, uid=1000) == Path("/home/ada/.local/state/growsoft")
    with pytest.raises(ConfigError, match="set GROWSOFT_HOME"):
        default_home({}, uid=1000)


def test_a_variable_wins_over_the_file_and_each_value_says_where_it_came_from(home: Path) -> None:
    environ = _with_file(home, 'port = 9000\nweb_workers = 3\nbind = "::1"\n')
    settings = load({**environ, "GROWSOFT_PORT": "9443"})
    assert (settings.port, settings.web_workers, settings.bind) == (9443, 3, "::1")
    assert settings.origin("port") == "GROWSOFT_PORT"
    assert settings.origin("web_workers") == str(home / "growsoft.toml")
    assert settings.origin("pool_cap") == "default"


def test_the_demo_database_can_be_declined(home: Path) -> None:
    environ = _with_file(home, "demo = false\n")
    assert not load(environ).demo
    assert load({**environ, "GROWSOFT_DEMO": "1"}).demo
    assert load({**environ, "GROWSOFT_DEMO": ""}).origin("demo") == str(home / "growsoft.toml")


def test_an_empty_variable_counts_as_not_given(home: Path) -> None:
    assert load({"GROWSOFT_HOME": str(home), "GROWSOFT_PORT": ""}).port == 8443


def test_settings_never_change_while_growsoft_runs(home: Path) -> None:
    settings = load({"GROWSOFT_HOME": str(home)})
    with pytest.raises(FrozenInstanceError):
        settings.port = 1  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - refused is the point
    with pytest.raises(TypeError):
        settings.origins["port"] = "somewhere"  # type: ignore[index]  # pyright: ignore[reportIndexIssue] - the same


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GROWSOFT_PORT", "0"),
        ("GROWSOFT_PORT", "65536"),
        ("GROWSOFT_PORT", "-1"),
        ("GROWSOFT_PORT", "8443.0"),
        ("GROWSOFT_PORT", "٨٤٤٣"),
        ("GROWSOFT_WEB_WORKERS", "0"),
        ("GROWSOFT_POOL_CAP", "many"),
        ("GROWSOFT_BIND", "localhost"),
        ("GROWSOFT_DEMO", "no"),
    ],
)
def test_a_bad_variable_is_refused_with_its_name_and_what_to_give(home: Path, variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=rf"{variable}.*give"):
        load({"GROWSOFT_HOME": str(home), variable: value})


def test_a_relative_home_is_refused() -> None:
    with pytest.raises(ConfigError, match="absolute path"):
        load({"GROWSOFT_HOME": "growsoft"})
    with pytest.raises(ConfigError, match="absolute path"):
        Settings(home=Path("growsoft"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("port = true", "whole number"),
        ("port = 8443.5", "whole number"),
        ("bind = 5", "text in quotes"),
        ("demo = 1", "true or false"),
        ("prot = 8443", "it may set: port, bind"),
        ("home = '/elsewhere'", "unknown"),
        ("port =", "correct it or move it away"),
    ],
)
def test_a_bad_file_is_refused_with_its_path(home: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        load(_with_file(home, text))
    assert str(home / "growsoft.toml") in str(refused.value)


def test_a_file_that_is_not_text_is_refused(home: Path) -> None:
    environ = _with_file(home, "")
    (home / "growsoft.toml").write_bytes(b"port = 1\xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(environ)


def test_a_name_that_is_no_setting_has_no_origin(home: Path) -> None:
    with pytest.raises(ConfigError, match="there are: home, port"):
        load({"GROWSOFT_HOME": str(home)}).origin("prot")


@given(st.text().filter(lambda text: "\0" not in text))
def test_whatever_the_port_says_it_is_a_port_or_refused(text: str) -> None:
    try:
        settings = load({"GROWSOFT_HOME": "/nowhere", "GROWSOFT_PORT": text})
    except ConfigError:
        return
    assert 1 <= settings.port <= 65535
