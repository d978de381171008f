"""The keyring: every key of an instance, derived from one key or wrapped by it.

The keeper and the operations worker hold a `Keyring`; web and job workers hold `WorkerKeys`, made from a root that is
derived one way: it opens signatures, logins, cookies and files, and no backup.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from growsoft.errors import ConfigError
from growsoft.security.envelope import (
    KEY_BYTES,
    NONCE_BYTES,
    CustomerKey,
    KeyUnusable,
    Label,
    Level,
    Purpose,
    WrappedKey,
    derived,
    fingerprint,
    seal,
    unseal,
    unwrap_key,
    wrap_key,
)
from growsoft.security.files import Owner, create_private, read_private

VARIABLE = "GROWSOFT_INSTANCE_KEY"

__all__ = [
    "VARIABLE",
    "CustomerKey",
    "KeyUnusable",
    "Keyring",
    "Purpose",
    "WorkerKeys",
    "WrappedKey",
    "create_instance_key",
    "load_instance_key",
    "new_instance_key",
]


class _Holder(ABC):
    """Something that can open customer keys of the purposes it has a wrapping key for."""

    @abstractmethod
    def wrapping_key(self, purpose: Purpose) -> bytes:
        """Return the key that wraps customer keys for a purpose, or raise `KeyUnusable`."""

    def new_customer_key(self, customer: UUID, purpose: Purpose, key_id: int = 1) -> WrappedKey:
        """Make a customer's random key for one purpose; only this envelope ever holds it, so keep it safe."""
        return self._seal(secrets.token_bytes(KEY_BYTES), customer, purpose, key_id)

    def open(self, customer_key: WrappedKey) -> CustomerKey:
        """Open a customer key to wrap and unwrap data keys with; raises `KeyUnusable`."""
        label = customer_key.label
        wrapping_key = self.wrapping_key(label.purpose)
        if label.level is not Level.CUSTOMER or label.wrapped_by != fingerprint(wrapping_key):
            raise KeyUnusable
        return CustomerKey(label.purpose, label.customer, label.key_id, unwrap_key(wrapping_key, customer_key))

    def wrap(self, data_key: bytes, customer_key: WrappedKey) -> WrappedKey:
        """Wrap a data key of 32 bytes under a customer key."""
        return self.open(customer_key).wrap(data_key)

    def unwrap(self, wrapped: WrappedKey, customer_key: WrappedKey) -> bytes:
        """Return a data key; raises `KeyUnusable` when either envelope does not fit."""
        return self.open(customer_key).unwrap(wrapped)

    def _seal(self, material: bytes, customer: UUID, purpose: Purpose, key_id: int) -> WrappedKey:
        """Wrap a customer key's material under this holder's key."""
        wrapping_key = self.wrapping_key(purpose)
        label = Label(Level.CUSTOMER, purpose, key_id, customer, fingerprint(wrapping_key))
        return wrap_key(wrapping_key, label, material)

    def __reduce__(self) -> str:
        """Refuse to be pickled or copied into a log or another process."""
        raise TypeError("Keys are not copied; make them where they are needed.")


class WorkerKeys(_Holder):
    """The keys of web and job workers: signatures, logins, cookies and files; by construction no backup."""

    def __init__(self, worker_root: bytes) -> None:
        """Take the root that the keeper wrote for the workers."""
        self._root = _key(worker_root)

    def signing_key(self, database_uuid: UUID, key_id: int) -> bytes:
        """Return the key (32 bytes) that signs contexts of one database."""
        return derived(self._root, "signing", database_uuid.bytes, _number(key_id))

    def login_password(self, database_uuid: UUID, generation: int) -> str:
        """Return the password of a database's login, 43 characters; the next generation is another one."""
        key = derived(self._root, "login", database_uuid.bytes, _number(generation))
        return base64.urlsafe_b64encode(key).decode("ascii").rstrip("=")

    def cookie_key(self) -> bytes:
        """Return the key (32 bytes) that signs cookies."""
        return derived(self._root, "cookie")

    def csrf_key(self) -> bytes:
        """Return the key (32 bytes) that signs tokens against cross-site requests."""
        return derived(self._root, "csrf")

    def wrapping_key(self, purpose: Purpose) -> bytes:
        """Return the wrapping key for files; there is none for backups below this root."""
        if purpose is not Purpose.FILES:
            raise KeyUnusable("Backup keys are opened by the operations worker only; ask it for this work.")
        return _files_key(self._root)

    def __repr__(self) -> str:
        return "<WorkerKeys>"


class Keyring(_Holder):
    """All keys of an instance, from its one key; for the keeper and the operations worker only."""

    def __init__(self, instance_key: bytes) -> None:
        """Take the instance key, 32 random bytes."""
        self._instance_key = _key(instance_key)

    def worker_root(self) -> bytes:
        """Return the root for `WorkerKeys`: derived one way, so that it leads to no backup key."""
        return derived(self._instance_key, "workers")

    def worker_keys(self) -> WorkerKeys:
        """Return the keys of the workers, as they hold them."""
        return WorkerKeys(self.worker_root())

    def manifest_key(self) -> bytes:
        """Return the key (32 bytes) that signs backup manifests; the workers' root does not lead to it."""
        return derived(self._instance_key, "manifests")

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits to tell instance keys apart, for manifests and for the holders of the escrow."""
        return fingerprint(self._instance_key).hex()

    def seal_secret(self, name: str, secret: str) -> str:
        """Return a secret of the instance (such as the key of a backup site) as text that is useless without it."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = seal(derived(self._instance_key, "secrets"), nonce, secret.encode(), name.encode())
        return base64.urlsafe_b64encode(nonce + sealed).decode("ascii")

    def open_secret(self, name: str, sealed: str) -> str:
        """Return what was sealed under this name; raises `KeyUnusable` for anything else."""
        try:
            data = base64.b64decode(sealed, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise KeyUnusable from None
        return unseal(
            derived(self._instance_key, "secrets"), data[:NONCE_BYTES], data[NONCE_BYTES:], name.encode()
        ).decode()

    def rewrap(self, customer_key: WrappedKey, onto: Keyring) -> WrappedKey:
        """Return a customer key in the envelope of a new instance key: rotation that rewrites no data."""
        opened = self.open(customer_key)
        return onto._seal(opened.material, opened.customer, opened.purpose, opened.key_id)

    def wrapping_key(self, purpose: Purpose) -> bytes:
        """Return the wrapping key for a purpose; that for files is the workers' too."""
        if purpose is Purpose.FILES:
            return _files_key(self.worker_root())
        return derived(self._instance_key, "customer-keys", purpose.name.lower().encode())

    def __repr__(self) -> str:
        return f"<Keyring {self.fingerprint()}>"


def new_instance_key() -> bytes:
    """Return 32 random bytes."""
    return secrets.token_bytes(KEY_BYTES)


def create_instance_key(path: Path, *, owner: Owner | None = None) -> bytes:
    """Make the instance key and write it (0600, 64 hexadecimal digits); an existing one is never replaced."""
    key = new_instance_key()
    try:
        create_private(path, key.hex().encode() + b"\n", owner=owner)
    except FileExistsError:
        raise ConfigError(f"{path} holds an instance key already; everything depends on it, so it stays.") from None
    return key


def load_instance_key(path: Path, environ: Mapping[str, str]) -> bytes:
    """Return the instance key from `GROWSOFT_INSTANCE_KEY`, else from its file.

    Raises `ConfigError` when there is none, when it is malformed, when others can read the file, and when both are
    there and differ. The variable must not be handed on to workers.
    """
    given = environ.get(VARIABLE, "")
    from_variable = _parsed(given, VARIABLE) if given else None
    try:
        from_file = _parsed(read_private(path).decode("ascii", "replace"), str(path))
    except FileNotFoundError:
        return _only(from_variable, path)
    if from_variable is not None and from_variable != from_file:
        raise ConfigError(f"{VARIABLE} and {path} hold different keys; remove the one that is not this instance's.")
    return from_file


def _only(key: bytes | None, path: Path) -> bytes:
    """Return the key from the variable where there is no file."""
    if key is None:
        raise ConfigError(f"There is no instance key: set {VARIABLE}, or bring {path} back from its escrow.")
    return key


def _parsed(text: str, origin: str) -> bytes:
    """Read 64 hexadecimal digits; the message never repeats what it read."""
    digits = text.strip()
    try:
        key = bytes.fromhex(digits) if len(digits) == 2 * KEY_BYTES else b""
    except ValueError:
        key = b""
    # Eight different bytes in 32 random ones fail once in 10**30; a placeholder such as 00... always does.
    if len(key) != KEY_BYTES or len(set(key)) < 8:
        raise ConfigError(f"{origin} is no instance key; it must be 64 random hexadecimal digits.")
    return key


def _files_key(worker_root: bytes) -> bytes:
    """Return the key that wraps customers' keys for files: the keeper's and the workers' alike."""
    return derived(worker_root, "customer-keys", b"files")


def _key(value: bytes) -> bytes:
    """Refuse a key of another length."""
    if len(value) != KEY_BYTES:
        raise ValueError(f"A key has {KEY_BYTES} bytes, not {len(value)}.")
    return value


def _number(value: int) -> bytes:
    """Return a number as 8 bytes."""
    return value.to_bytes(8, "big")
