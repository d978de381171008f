"""What the commands for files share: the model, and the language and time zone that a file is in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import available_timezones

import click

from growsoft.cli.errors import NotFound, UsageError

if TYPE_CHECKING:
    from growsoft.orm import Env, ModelInfo

F = TypeVar("F", bound=Callable[..., Any])

SOURCE: Final = "en_US"


def locale_options(command: F) -> F:
    """Add the options for language and time zone."""
    lang = click.option("--language", default=SOURCE, metavar="LANG", help="The language of translated texts: de_DE.")
    zone = click.option("--tz", default="UTC", metavar="ZONE",
                        help="The time zone of moments that name none: Europe/Berlin.")  # fmt: skip
    return lang(zone(command))


def in_locale(env: Env, lang: str, zone: str) -> Env:
    """Give the environment in a language and a time zone. Raises ``UsageError``."""
    from growsoft.orm.env import Locale

    if lang not in env.registry.languages:
        raise UsageError(f"--language {lang[:20]}: there is {', '.join(env.registry.languages)}.")
    if zone != "UTC" and zone not in available_timezones():
        raise UsageError(f"--tz {zone[:40]}: this is no time zone, such as UTC or Europe/Berlin.")
    return env.in_locale(Locale(lang, zone))


def model_of(env: Env, name: str) -> ModelInfo:
    """Find a model. Raises ``NotFound``."""
    info = env.registry.models.get(name)
    if info is None:
        raise NotFound(f"There is no model {name[:60]}; there are: {', '.join(sorted(env.registry.models))}.")
    return info
