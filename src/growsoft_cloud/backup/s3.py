"""S3 sites: a bucket of any provider that speaks S3, as a backup site."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from typing import BinaryIO, Final, cast
from urllib.parse import urlsplit

import msgspec
import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from growsoft.errors import ConfigError
from growsoft_cloud.backup.errors import CopyCorrupt, NameTaken, ObjectMissing, SiteError, SiteLost, SiteRefused
from growsoft_cloud.backup.folder import MARK, Mark
from growsoft_cloud.backup.sites import Kind, Listed, Writer, checked
from growsoft_cloud.fleet.places import Continent, DataCentre

# S3 takes 10,000 parts: an archive may have 156 GiB. What is on its way is in memory: PARTS of them.
PART: Final = 16 * 1024 * 1024
PARTS: Final = 3
AHEAD: Final = 4

# A site that does not answer is a lost one; the others do not wait for it. Each part is sent again when it failed.
CONNECT: Final = timedelta(seconds=10)
ANSWER: Final = timedelta(minutes=5)
RETRIES: Final = 4


@dataclass(frozen=True, slots=True)
class SiteKey:
    """What a bucket's provider knows us by."""

    access_key: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class S3Site:
    """A site that is a bucket, or what is below `prefix` in one. `endpoint` is an https address; http on loopback only.

    Give the bucket a rule that ends incomplete multipart uploads after some days, and where the provider has it, object
    lock with a default retention of a week: then not even somebody with our key can destroy what was just written.
    A deletion that the lock refuses is asked for again each day.
    """

    name: str
    data_centre: DataCentre
    endpoint: str
    bucket: str
    key: SiteKey
    region: str = "us-east-1"
    prefix: str = ""

    def __post_init__(self) -> None:
        """Refuse an address at which everybody on the way could read along, or pass for the site."""
        parts = urlsplit(self.endpoint)
        if not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))):
            raise ConfigError(f"The site {self.name} has the address {self.endpoint!r}; it must begin with https://.")

    @property
    def continent(self) -> Continent:
        """The continent of its data centre."""
        return self.data_centre.continent

    @property
    def simulated(self) -> bool:
        """A server of this machine plays the data centre."""
        return _is_loopback(urlsplit(self.endpoint).hostname)

    def prepare(self) -> S3Site:
        """Mark the bucket as this site; one that is marked already stays as it is. Returns the site itself."""
        with suppress(ObjectMissing), _said(self.name, MARK):
            obstore.head(self._store, MARK)
            self._enter()
            return self
        with _said(self.name, MARK):
            obstore.put(self._store, MARK, msgspec.json.encode(self._mark()))
        self._enter()
        return self

    @contextmanager
    def create(self, name: str, /) -> Generator[Writer]:
        """Write a new object in parts: it is there when the block ends well; otherwise its parts are given up."""
        self._enter()
        if self._has(checked(name)):
            raise NameTaken(self.name, f"there already is an object {name}; take a new name.")
        upload = _Upload(self.name, self._store, name)
        try:
            yield upload
        except BaseException:
            upload.give_up()
            raise
        upload.finish()

    def open(self, name: str, /) -> BinaryIO:
        """Read an object, in one request that goes on where it broke off."""
        self._enter()
        with _said(self.name, name):
            return cast("BinaryIO", _Body(self.name, obstore.get(self._store, checked(name)).stream(1024 * 1024)))

    def list(self, kind: Kind, /) -> list[str]:
        """Return the names of all objects of a kind."""
        return [listed.name for listed in self.listed(kind)]

    def listed(self, kind: Kind, /) -> Iterator[Listed]:
        """Tell all objects of a kind with what the site says of them."""
        self._enter()
        with _said(self.name):
            # The other overload returns a type of a package that is not installed.
            for found in obstore.list(  # pyright: ignore[reportUnknownMemberType]
                self._store, f"{kind.value}/", chunk_size=1000, return_arrow=False
            ):
                yield from (Listed(meta["path"], meta["size"], meta["last_modified"].timestamp()) for meta in found)

    def delete(self, name: str, /) -> None:
        """Remove an object; one that is not there is no error."""
        self._enter()
        with suppress(ObjectMissing), _said(self.name, name):
            obstore.delete(self._store, checked(name))

    def free_space(self) -> int | None:
        """A bucket does not say how much fits."""
        return None

    def sweep(self) -> int:
        """What an interrupted upload left is no object; the bucket's own rule ends it."""
        return 0

    @cached_property
    def _store(self) -> S3Store:
        return S3Store(
            self.bucket,
            prefix=self.prefix or None,
            endpoint=self.endpoint,
            region=self.region,
            access_key_id=self.key.access_key,
            secret_access_key=self.key.secret,
            virtual_hosted_style_request=False,
            # A lock asks for it, and a part that was damaged on its way is refused at once.
            checksum_algorithm="SHA256",
            client_options={
                "allow_http": self.simulated,
                "connect_timeout": CONNECT,
                "timeout": ANSWER,
                "default_headers": {"user-agent": "growsoft-backup"},
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": ANSWER},
        )

    def _has(self, name: str) -> bool:
        try:
            with _said(self.name, name):
                obstore.head(self._store, name)
        except ObjectMissing:
            return False
        return True

    def _mark(self) -> Mark:
        return Mark(1, self.name, self.data_centre.name, self.continent.value)

    def _enter(self) -> None:
        """Prove once that the bucket is this site, and not an empty or another one under the same address."""
        if "_entered" in self.__dict__:
            return
        try:
            with _said(self.name, MARK):
                found = msgspec.json.decode(bytes(obstore.get(self._store, MARK).bytes()), type=Mark)
        except (ObjectMissing, msgspec.DecodeError):
            raise SiteLost(self.name, f"the bucket {self.bucket} holds no backup site; check its address.") from None
        if found != self._mark():
            raise SiteLost(
                self.name, f"the bucket {self.bucket} is the site {found.site} in {found.data_centre}; correct it."
            )
        self.__dict__["_entered"] = True


class _Upload:
    """Takes the bytes of one object and sends them from a thread of its own, a bounded number of pieces ahead."""

    def __init__(self, site: str, store: S3Store, name: str) -> None:
        self._site = site
        self._store = store
        self._name = name
        self._pieces: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._given_up = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._send, name=f"upload to {site}", daemon=True)
        self._thread.start()

    def write(self, data: bytes, /) -> int:
        """Pass some bytes on; raises what has stopped the upload."""
        if data:
            self._put(data)
        return len(data)

    def finish(self) -> None:
        """Wait until the site has taken everything; only then the object is there."""
        self._put(None)
        self._thread.join()
        self._raise()

    def give_up(self) -> None:
        """End the upload without an object."""
        self._given_up = True
        with suppress(SiteError):
            self._put(None)
        self._thread.join()

    def _put(self, piece: bytes | None) -> None:
        while self._thread.is_alive():
            try:
                self._pieces.put(piece, timeout=0.2)
            except queue.Full:
                continue
            return
        self._raise()
        if piece is not None:
            raise SiteError(self._site, "the upload ended early; look after the site, then repair.")

    def _raise(self) -> None:
        if isinstance(self._error, SiteError):
            raise self._error
        if self._error is not None:
            raise SiteError(self._site, f"the upload failed ({self._error}); repair the backup.") from self._error

    def _send(self) -> None:
        try:
            with _said(self._site, self._name):
                obstore.put(
                    self._store, self._name, self._given(), use_multipart=True, chunk_size=PART, max_concurrency=PARTS
                )
        except _GivenUp:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits for it
            self._error = error

    def _given(self) -> Generator[bytes]:
        while (piece := self._pieces.get()) is not None:
            yield piece
        if self._given_up:
            raise _GivenUp


class _GivenUp(Exception):
    """The writer failed: the parts that were sent must not become an object."""


class _Body(io.RawIOBase):
    """Reads an answer piece by piece."""

    def __init__(self, site: str, pieces: Iterator[object]) -> None:
        self._site = site
        self._pieces = pieces
        self._left = b""

    def readable(self) -> bool:
        """Return true: that is what it is for."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Read some bytes, as many as have come up to `size`; all of them without one."""
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        while not self._left:
            piece = self._next()
            if piece is None:
                return b""
            self._left = bytes(memoryview(cast("bytes", piece)))
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def _next(self) -> object:
        """Take the next piece. An answer that broke off, also when asked again, is no good copy."""
        try:
            return next(self._pieces, None)
        except (BaseError, OSError, ValueError) as error:
            reason = f"what it returned broke off ({_first_words(error)}); repair the backup from another copy."
            raise CopyCorrupt(self._site, reason) from error


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


@contextmanager
def _said(site: str, name: str = "") -> Generator[None]:
    """Say an object store's error as one of the site, with what to do."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(site, f"there is no {name}; repair the backup from another copy.") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise SiteRefused(site, f"it refused our key ({_first_words(error)}); check or replace the key.") from error
    except (BaseError, OSError, ValueError) as error:
        raise SiteError(site, f"{_first_words(error)}; look after the site, then repair.") from error


def _first_words(error: BaseException) -> str:
    """Cut an error down to its first sentence: the rest of it is the provider's XML."""
    return (str(error).partition("\n")[0].partition(": <?xml")[0])[:300].strip() or type(error).__name__
