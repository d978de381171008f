"""Identities: login password and signing key of a database, derived so that workers find them without asking."""

from __future__ import annotations

import secrets
from uuid import UUID, uuid4

from growsoft.postgres.provision import Identity
from growsoft.security.keyring import WorkerKeys


def derived_identity(keys: WorkerKeys, name: str, uuid: UUID, key_id: int) -> Identity:
    """Give the identity of a customer's database; one number counts its signing keys and its passwords alike."""
    return Identity(name, uuid, keys.login_password(uuid, key_id), key_id, keys.signing_key(uuid, key_id))


def passing_identity(name: str) -> Identity:
    """Give an identity that nobody can derive, for as long as a template is being filled."""
    return Identity(name, uuid4(), secrets.token_urlsafe(32), 1, secrets.token_bytes(32))
