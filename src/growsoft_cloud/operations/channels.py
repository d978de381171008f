"""Channels: where alerts go, as an operator has set it; secrets are sealed under the instance key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from growsoft.apps.base.models import Setting
from growsoft.errors import ConfigError
from growsoft.orm import Env
from growsoft.security.keyring import Keyring
from growsoft_cloud.operations.alerts import Channel, Mail, Webhook

PREFIX: Final = "alerts."
SECRETS: Final = frozenset(("smtp_password", "webhook_secret"))
NAMES: Final = ("mail_to", "mail_from", "smtp", "smtp_user", "smtp_password", "webhook", "webhook_secret")


def channels_of(env: Env, keyring: Keyring) -> list[Channel]:
    """Return the channels that are set; raises ``ConfigError`` for one that cannot work."""
    return built(read(env, keyring))


def built(settings: Mapping[str, str]) -> list[Channel]:
    """Make channels of settings."""
    found: list[Channel] = []
    if settings.get("mail_to"):
        host, _, port = settings.get("smtp", "").rpartition(":")
        if not host or not port.isdigit():
            raise ConfigError("Alerts by e-mail need a server: growsoft cloud alerts --smtp HOST:PORT")
        recipients = tuple(address.strip() for address in settings["mail_to"].split(","))
        sender = settings.get("mail_from") or recipients[0]
        user, password = settings.get("smtp_user", ""), settings.get("smtp_password", "")
        found.append(Mail(host, int(port), sender, recipients, user, password))
    if settings.get("webhook"):
        if not settings.get("webhook_secret"):
            raise ConfigError("A webhook needs a secret, by which its receiver knows us.")
        found.append(Webhook(settings["webhook"], settings["webhook_secret"]))
    return found


def read(env: Env, keyring: Keyring) -> dict[str, str]:
    """Return the settings, secrets opened."""
    rows = env[Setting].search([["key", "in", [PREFIX + name for name in NAMES]]])
    told = {row.key.removeprefix(PREFIX): row.value for row in rows}
    return {
        name: keyring.open_secret(PREFIX + name, value) if name in SECRETS else value for name, value in told.items()
    }


def write(env: Env, keyring: Keyring, values: Mapping[str, str]) -> None:
    """Set some of them, or remove one by an empty value; raises ``ConfigError`` for what cannot work."""
    built({**read(env, keyring), **values})
    for name, value in values.items():
        known = env[Setting].search(Setting.key == PREFIX + name)
        if not value:
            known.unlink()
            continue
        stored = keyring.seal_secret(PREFIX + name, value) if name in SECRETS else value
        if known:
            known.value = stored
        else:
            env[Setting].create({"key": PREFIX + name, "value": stored})
