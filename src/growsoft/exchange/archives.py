"""Archives: ZIP files that can be read in one way only, part by part as streams that end where they say.

Readers of ZIP files differ in what they make of several directories, of two names for one part, or of data that goes on
after its declared end. A file that is inspected by one reader and opened by another must leave no room for that.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Final

_CHUNK: Final = 256 * 1024
_END: Final = struct.Struct("<4s4H2LH")  # the end of the central directory, without a comment
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_LOCAL_SIGN: Final = b"PK\x03\x04"
_END_SIGN: Final = b"PK\x05\x06"
_EXTRA: Final = struct.Struct("<2H")
_ZIP64: Final = 0x0001
_OTHER_NAME: Final = 0x7075
_ENCRYPTED: Final = 0x1


class Damaged(Exception):
    """This is no ZIP file that everybody reads in the same way; the message says what is wrong."""


class Archive:
    """A ZIP file: ``parts`` in the order of its one directory. Raises ``Damaged``."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Read the directory."""
        self._stream = stream
        count = _parts_declared(stream)
        try:
            with zipfile.ZipFile(stream) as directory:
                self.parts = directory.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
            raise Damaged(str(error)) from None
        if len(self.parts) != count:
            raise Damaged("its directory has another length")
        for part in self.parts:
            _check(part)

    def chunks(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        """Unpack a part; never more than was declared. Raises ``Damaged``."""
        length = 0
        for chunk in self._unpacked(part):
            length += len(chunk)
            if length > part.file_size:
                raise Damaged(f"{part.filename} is longer than it says")
            yield chunk
        if length != part.file_size:
            raise Damaged(f"{part.filename} is shorter than it says")

    def _unpacked(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        packed = self._packed(part)
        if part.compress_type == zipfile.ZIP_STORED:
            yield from packed
            return
        inflating = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            for chunk in packed:
                rest = chunk
                while rest and not inflating.eof:
                    yield inflating.decompress(rest, _CHUNK)
                    rest = inflating.unconsumed_tail
        except zlib.error as error:
            raise Damaged(str(error)) from None
        if not inflating.eof:
            raise Damaged(f"{part.filename} is cut off")

    def _packed(self, part: zipfile.ZipInfo) -> Iterator[bytes]:
        self._stream.seek(part.header_offset)
        header = self._stream.read(_LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(_LOCAL_SIGN):
            raise Damaged(f"{part.filename} is not where the directory says")
        *_fields, name_length, extra_length = _LOCAL.unpack(header)
        start, left = part.header_offset + _LOCAL.size + name_length + extra_length, part.compress_size
        while left:
            self._stream.seek(start)
            chunk = self._stream.read(min(left, _CHUNK))
            if not chunk:
                raise Damaged(f"{part.filename} is cut off")
            yield chunk
            start, left = start + len(chunk), left - len(chunk)


def _parts_declared(stream: IO[bytes]) -> int:
    """Read the end of the file, which must be that of the directory: so there is no other one."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _END.size))
    end = stream.read(_END.size)
    if len(end) < _END.size:
        raise Damaged("it is cut off")
    sign, disk, first_disk, here, total, length, offset, comment = _END.unpack(end)
    if sign != _END_SIGN or comment or offset + length != size - _END.size:
        raise Damaged("its directory is not at its end")
    if disk or first_disk or here != total:
        raise Damaged("it is one of several files")
    return int(total)


def _check(part: zipfile.ZipInfo) -> None:
    extras = set(_extras(part.extra))
    methods = (zipfile.ZIP_DEFLATED,) if _ZIP64 in extras else (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED)
    if part.flag_bits & _ENCRYPTED or part.compress_type not in methods:
        raise Damaged(f"{part.filename} is encrypted, or packed in an unusual way")
    if not part.filename.isascii() or part.filename != part.orig_filename or _OTHER_NAME in extras:
        raise Damaged("a part has two names")
    if part.compress_type == zipfile.ZIP_STORED and part.compress_size != part.file_size:
        raise Damaged(f"{part.filename} has two lengths")


def _extras(extra: bytes) -> Iterator[int]:
    while len(extra) >= _EXTRA.size:
        kind, length = _EXTRA.unpack_from(extra)
        yield kind
        extra = extra[_EXTRA.size + length :]
