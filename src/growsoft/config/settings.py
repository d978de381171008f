"""Settings: where Growsoft lives, where it listens and how much it may use."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType

from growsoft.config.state import State, locate, started_once
from growsoft.errors import AccessError, ConfigError

CONFIG_FILE = "growsoft.toml"
DEFAULT_ORIGIN = "default"


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator decides before Growsoft starts; nothing in it changes while it runs.

    Values come from the environment (`GROWSOFT_...`), else from `growsoft.toml` in the home, else they are defaults.
    """

    home: Path
    port: int = 8443
    bind: str = "127.0.0.1"
    web_workers: int = 2
    pool_cap: int = 40
    demo: bool = True
    metrics_port: int = 0
    runtime: Path | None = None
    origins: Mapping[str, str] = field(default_factory=dict[str, str], repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse values that cannot work, whoever built them."""
        if not self.home.is_absolute():
            raise ConfigError(f"The home must be an absolute path, not {self.home}; set GROWSOFT_HOME to one.")
        _within(self, "port", 1, 65535)
        _within(self, "web_workers", 1, 256)
        _within(self, "pool_cap", 2, 10_000)
        _within(self, "metrics_port", 0, 65535)
        _address(self)

    @property
    def loopback_only(self) -> bool:
        """Whether only this machine can reach the web server."""
        return ip_address(self.bind).is_loopback

    def state(self) -> State:
        """Return where everything lies; as root with a closed home this chooses and records another place once."""
        return locate(self.home, runtime=self.runtime)

    def known_state(self) -> State | None:
        """Return where everything lies when Growsoft was started in this home before; nothing is made."""
        return self.state() if started_once(self.home) else None

    def origin(self, name: str) -> str:
        """Say where a value came from: a variable's name, the path of a file, or `default`."""
        if name not in _names():
            raise ConfigError(f"There is no setting {name!r}; there are: {', '.join(_names())}.")
        return self.origins.get(name, DEFAULT_ORIGIN)


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings once from an environment, and from `growsoft.toml` in the home it names.

    Raises `ConfigError` for an unknown or unusable value, naming the value's origin and what to do.
    """
    home, home_origin = _home(environ)
    found: dict[str, int | str] = {}
    origins: dict[str, str] = {"home": home_origin}
    runtime = _runtime(environ)
    if runtime is not None:
        origins["runtime"] = "XDG_RUNTIME_DIR"
    for name, (value, origin) in {**_from_file(home / CONFIG_FILE), **_from_environ(environ)}.items():
        found[name] = _READERS[name](name, value, origin)
        origins[name] = origin
    return _build(home, runtime, found, origins)


def _build(home: Path, runtime: Path | None, found: Mapping[str, int | str], origins: Mapping[str, str]) -> Settings:
    """Make the settings of what was found; a type that is wrong here was refused by its reader."""
    known = Settings(home=home)
    return Settings(
        home=home,
        port=int(found.get("port", known.port)),
        bind=str(found.get("bind", known.bind)),
        web_workers=int(found.get("web_workers", known.web_workers)),
        pool_cap=int(found.get("pool_cap", known.pool_cap)),
        demo=bool(found.get("demo", known.demo)),
        metrics_port=int(found.get("metrics_port", known.metrics_port)),
        runtime=runtime,
        origins=MappingProxyType(dict(origins)),
    )


def default_home(environ: Mapping[str, str], *, uid: int) -> Path:
    """Return the home of somebody who set none: the system's for root, else the user's own state folder."""
    if uid == 0:
        return Path("/var/lib/growsoft")
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        raise ConfigError("HOME is not set, so there is no place for Growsoft's data; set GROWSOFT_HOME to a folder.")
    return Path(home) / ".local" / "state" / "growsoft"


def _home(environ: Mapping[str, str]) -> tuple[Path, str]:
    """Return the home and its origin; a relative one would move with the shell, so it is refused."""
    text = environ.get("GROWSOFT_HOME", "")
    if not text:
        return default_home(environ, uid=os.geteuid()), DEFAULT_ORIGIN
    if not text.startswith("/"):
        raise ConfigError(f"GROWSOFT_HOME is {text!r}; give an absolute path such as /var/lib/growsoft.")
    return Path(text), "GROWSOFT_HOME"


def _runtime(environ: Mapping[str, str]) -> Path | None:
    """Return the user's folder for sockets, where the system gives one."""
    text = environ.get("XDG_RUNTIME_DIR", "")
    return Path(text) if text.startswith("/") else None


def _names() -> tuple[str, ...]:
    """Return the names of all settings."""
    return tuple(f.name for f in fields(Settings) if f.name != "origins")


def _from_environ(environ: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    """Return the values given as variables; an empty variable counts as not given."""
    given = {name: f"GROWSOFT_{name.upper()}" for name in _READERS}
    return {name: (environ[variable], variable) for name, variable in given.items() if environ.get(variable)}


def _from_file(path: Path) -> dict[str, tuple[object, str]]:
    """Return the values of `growsoft.toml`; a file that is not there gives none."""
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise AccessError(
            f"{path} may not be read by you; act as its owner, or set GROWSOFT_HOME to a folder of your own."
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); correct it or move it away.") from error
    unknown = sorted(set(table) - set(_READERS))
    if unknown:
        raise ConfigError(f"{path} sets {unknown[0]!r}, which is unknown; it may set: {', '.join(_READERS)}.")
    return {name: (value, str(path)) for name, value in table.items()}


def _whole(name: str, value: object, origin: str) -> int:
    """Read a whole number from text or TOML; `true` is not one, although Python would take it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    raise ConfigError(f"{name} is {value!r} ({origin}); give a whole number.")


def _text(name: str, value: object, origin: str) -> str:
    """Read text that is not empty."""
    if isinstance(value, str) and value:
        return value
    raise ConfigError(f"{name} is {value!r} ({origin}); give text in quotes.")


def _truth(name: str, value: object, origin: str) -> bool:
    """Read true or false; a variable says 1 or 0."""
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "0": False, "false": False}
    if isinstance(value, str) and value in known:
        return known[value]
    raise ConfigError(f"{name} is {value!r} ({origin}); give true or false, as a variable 1 or 0.")


_READERS: Mapping[str, Callable[[str, object, str], int | str]] = {
    "port": _whole,
    "bind": _text,
    "web_workers": _whole,
    "pool_cap": _whole,
    "demo": _truth,
    "metrics_port": _whole,
}


def _within(settings: Settings, name: str, lowest: int, highest: int) -> None:
    """Refuse a number outside its bounds."""
    value: int = getattr(settings, name)
    if not lowest <= value <= highest:
        raise ConfigError(f"{name} is {value} ({settings.origin(name)}); give a number from {lowest} to {highest}.")


def _address(settings: Settings) -> None:
    """Refuse a bind address that is a name: a name can mean another address tomorrow."""
    try:
        ip_address(settings.bind)
    except ValueError:
        raise ConfigError(
            f"bind is {settings.bind!r} ({settings.origin('bind')}); give an IP address such as 127.0.0.1 or ::1."
        ) from None
