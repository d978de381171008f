"""Folder sites: a folder of this machine, or a mounted volume, as a backup site."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from growsoft_cloud.backup.errors import NameTaken, ObjectMissing, SiteError, SiteFull, SiteLost
from growsoft_cloud.backup.sites import Kind, Listed, Writer, checked
from growsoft_cloud.fleet.places import Continent, DataCentre

MARK = "growsoft-site.json"
UNFINISHED = "unfinished"
A_DAY = 86_400.0

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a folder says about itself. An empty mount point has no mark, so nothing is written beside the volume."""

    format: int
    site: str
    data_centre: str
    continent: str


@dataclass(frozen=True, slots=True)
class FolderSite:
    """A site that is a folder; `prepare` makes it once, everything else refuses a folder without its mark."""

    name: str
    data_centre: DataCentre
    path: Path
    simulated: bool = True

    @property
    def continent(self) -> Continent:
        """The continent of its data centre."""
        return self.data_centre.continent

    def prepare(self) -> FolderSite:
        """Make the folder and mark it as this site; once made, nothing changes. Returns the site itself."""
        with _said(self.name):
            for folder in (self.path, self.path / UNFINISHED, *(self.path / kind.value for kind in Kind)):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not (self.path / MARK).exists():
                _write_whole(self.path / MARK, msgspec.json.encode(self._mark()))
            for folder in (self.path, self.path.parent):
                _sync_folder(folder)
        self._enter()
        return self

    @contextmanager
    def create(self, name: str, /) -> Generator[Writer]:
        """Write a new object: synced, then renamed into place; whatever goes wrong leaves nothing behind."""
        final = self._enter() / checked(name)
        with _said(self.name):
            final.parent.mkdir(mode=0o700, exist_ok=True)
        unfinished = self.path / UNFINISHED / final.name
        descriptor = self._claim(unfinished, final)
        try:
            yield _Unbuffered(self.name, descriptor)
            with _said(self.name):
                _settle(descriptor)
                unfinished.rename(final)
                _sync_folder(final.parent)
        except BaseException:
            for path in (unfinished, final):
                with suppress(OSError):
                    path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)

    def open(self, name: str, /) -> BinaryIO:
        """Read an object from the disk: what the page cache holds of it is dropped first."""
        with _said(self.name, name):
            file = _Unread(self.name, self._enter() / checked(name))
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
        return cast("BinaryIO", file)

    def list(self, kind: Kind, /) -> list[str]:
        """Return the names of all objects of a kind."""
        return [listed.name for listed in self.listed(kind)]

    def listed(self, kind: Kind, /) -> Iterator[Listed]:
        """Tell all objects of a kind with what the folder says of them."""
        with _said(self.name), suppress(_NoSuchKind), _entries(self._enter() / kind.value) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):  # somebody prunes just now
                    found = entry.stat(follow_symlinks=False)
                    yield Listed(f"{kind.value}/{entry.name}", found.st_size, found.st_mtime)

    def delete(self, name: str, /) -> None:
        """Remove an object and let the disk know at once."""
        with _said(self.name):
            path = self._enter() / checked(name)
            path.unlink(missing_ok=True)
            _sync_folder(path.parent)

    def free_space(self) -> int | None:
        """Return how many bytes this process may still write there."""
        with _said(self.name):
            found = os.statvfs(self._enter())
        return found.f_bavail * found.f_frsize

    def sweep(self, older_than: float = A_DAY) -> int:
        """Remove what interrupted writes left (seconds since the last byte); return how many there were."""
        limit = time.time() - older_than
        with _said(self.name):
            left = [path for path in (self._enter() / UNFINISHED).iterdir() if path.stat().st_mtime <= limit]
            for path in left:
                path.unlink(missing_ok=True)
        return len(left)

    def _claim(self, unfinished: Path, final: Path) -> int:
        """Open the draft of an object. Whoever has the draft owns the name, so two writers cannot meet at its end."""
        with _said(self.name):
            descriptor = _draft(unfinished)
        if not final.exists():
            return descriptor
        unfinished.unlink(missing_ok=True)
        os.close(descriptor)
        raise NameTaken(self.name, f"there already is an object {final.name}; take a new name.")

    def _mark(self) -> Mark:
        return Mark(1, self.name, self.data_centre.name, self.continent.value)

    def _enter(self) -> Path:
        """Return the folder once it has shown that it is this site, and not the empty place where it is mounted."""
        try:
            found = msgspec.json.decode((self.path / MARK).read_bytes(), type=Mark)
        except FileNotFoundError:
            raise SiteLost(self.name, f"{self.path} holds no backup site; check that its volume is mounted.") from None
        except (OSError, msgspec.DecodeError) as error:
            raise SiteLost(self.name, f"{self.path / MARK} cannot be read ({error}); check the volume.") from error
        if found != self._mark():
            raise SiteLost(
                self.name, f"{self.path} is the site {found.site} in {found.data_centre}; mount the right one."
            )
        return self.path


class _NoSuchKind(Exception):
    """A site that is older than a kind of objects has none of them."""


@contextmanager
def _entries(folder: Path) -> Generator[Iterator[os.DirEntry[str]]]:
    try:
        found = os.scandir(folder)
    except FileNotFoundError:
        raise _NoSuchKind from None
    with found:
        yield found


class _Unread(io.FileIO):
    """Reads from the disk; a bad sector is told as an error of the site."""

    def __init__(self, site: str, path: Path) -> None:
        super().__init__(path, "rb")
        self._site = site

    def read(self, size: int | None = -1, /) -> bytes:
        """Read some bytes."""
        with _said(self._site):
            return super().read(-1 if size is None else size)


class _Unbuffered:
    """Writes straight to a descriptor, so that a full disk is told by the very write that did not fit."""

    def __init__(self, site: str, descriptor: int) -> None:
        self._site = site
        self._descriptor = descriptor

    def write(self, data: bytes, /) -> int:
        """Write all of it; errors name the site, also when they pass through other layers on their way up."""
        left = memoryview(data)
        with _said(self._site):
            while left:
                left = left[os.write(self._descriptor, left) :]
        return len(data)


# A writer holds the lock of its draft. The kernel gives it back with the writer's life: what is left goes to the next.
def _draft(path: Path) -> int:
    """Open a draft that nobody writes, empty; raises `FileExistsError` while somebody does."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if _is_ours(descriptor, path):
        os.ftruncate(descriptor, 0)
        return descriptor
    os.close(descriptor)
    raise FileExistsError(errno.EEXIST, "somebody writes it", str(path))


def _is_ours(descriptor: int, path: Path) -> bool:
    """Say whether we have the lock of a draft, and the draft was not finished between opening and locking it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _settle(descriptor: int) -> None:
    """Bring the bytes to the disk and out of the page cache, so that they are read back from where they stay."""
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _sync_folder(folder: Path) -> None:
    """Bring a folder's entries to the disk: without it a rename may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_whole(path: Path, data: bytes) -> None:
    """Write a small file that is there whole or not at all."""
    draft = path.with_suffix(".new")
    draft.write_bytes(data)
    draft.chmod(0o600)
    descriptor = os.open(draft, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.replace(path)


@contextmanager
def _said(site: str, name: str = "") -> Generator[None]:
    """Say an operating system's error as one of the site, with what to do."""
    try:
        yield
    except FileExistsError as error:
        raise NameTaken(site, "an object of this name is being written; take a new name.") from error
    except FileNotFoundError as error:
        raise ObjectMissing(
            site, f"there is no {name or error.filename}; repair the backup from another copy."
        ) from error
    except OSError as error:
        if error.errno in _FULL:
            raise SiteFull(site, f"the site is full ({error.strerror}); make room there, then repair.") from error
        raise SiteError(site, f"{error.strerror or error}; look after the site, then repair.") from error
