"""Files: their content lies encrypted in the storage, and what the record holds says where."""

from __future__ import annotations

import base64
import binascii
import io
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, Unpack

from growsoft.errors import ValidationError
from growsoft.orm.domain import DomainError
from growsoft.orm.fields.base import Field
from growsoft.orm.fields.options import Common
from growsoft.words import _

if TYPE_CHECKING:
    from growsoft.orm.env import Env
    from growsoft.orm.model import Model
    from growsoft.postgres.schema import ColumnType

MAX_SIZE: Final = 50_000_000  # bytes


class Content:
    """The content of a file. Only who reads it from a record gets one, so the record's rights are the file's."""

    __slots__ = ("_address", "_env", "size")

    def __init__(self, env: Env, raw: str) -> None:
        """Made by the field, from what its column holds."""
        self._env = env
        self._address, _, size = raw.partition(":")
        self.size = int(size)

    def reading(self) -> AbstractContextManager[BinaryIO]:
        """Open it, for as long as a ``with`` block lasts. Raises ``MissingError`` where the storage has lost it."""
        return self._env.files.reading(self._address, self.size)

    def read(self) -> bytes:
        """Give all of it."""
        with self.reading() as stream:
            return stream.read()

    @property
    def etag(self) -> str:
        """A name that changes with the content, for caches; it does not tell where the file lies."""
        return self._address[:16]

    def raw_in(self, env: Env) -> str:
        """Give what a column of the same database may hold."""
        if env.database.uuid != self._env.database.uuid:
            raise ValidationError(_("This file belongs to another database; read it there and write its bytes here."))
        return f"{self._address}:{self.size}"

    def __eq__(self, other: object) -> bool:
        """The same content of the same customer."""
        return isinstance(other, Content) and (self._address, self.size) == (other._address, other.size)

    def __hash__(self) -> int:
        """Agree with ``__eq__``."""
        return hash(self._address)

    def __repr__(self) -> str:
        """Show the size: where a file lies is for nobody's log."""
        return f"<Content {self.size} bytes>"


class Binary(Field["Content | None"]):
    """A file of at most ``max_size`` bytes; unset is ``None``.

    It is written as bytes, as an open binary file, as base 64 text (the wire), or as the ``Content`` of another record.
    On the wire it reads as its size in bytes: who wants the content asks for it. Equal files of a database are kept
    once. Rights are those of the record and of this column, which holds an address that nobody can make up.
    """

    column: ClassVar[ColumnType | None] = "gs.file"
    kind = "binary"

    def __init__(
        self, string: str = "", *, required: bool = False, max_size: int = MAX_SIZE, **options: Unpack[Common]
    ) -> None:
        """``max_size`` in bytes."""
        super().__init__(string, required=required, **options)
        if self.index or self.unique:
            raise TypeError("a Binary field is not searched for, so it has no index and is not unique")
        self.max_size = max_size

    @property
    def unset(self) -> object:
        """Unset is the empty address."""
        return ""

    def to_python(self, raw: Any, records: Model) -> Content | None:  # noqa: ANN401
        """Give the content, which is read when somebody asks for it."""
        return Content(records.env, raw) if raw else None

    def __set__(self, instance: Model, value: Content | bytes | BinaryIO | None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  read and written as different types
        """Write a file."""
        instance._assign({self.name: value})  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]  as in the base class

    def to_column(self, env: Env, value: object) -> object:
        """Keep the content and give its address."""
        match value:
            case None | False | "" | b"":
                return ""
            case Content():
                return value.raw_in(env)
            case _:
                address, size = self._kept(env, self._stream(value))
                return f"{address}:{size}"

    def to_raw(self, value: object) -> object:
        """Take what is unset; content needs a database to be kept in."""
        if value:
            raise self.refuse(value, "a constant that could be the default of a file")
        return ""

    def to_operand(self, value: object) -> object:
        """Refuse: only whether there is a file can be asked."""
        del value
        raise DomainError(f"{self.label}: a search can only ask whether there is a file, by = or != and no value.")

    def _stream(self, value: object) -> BinaryIO:
        if isinstance(value, bytes | bytearray):
            return io.BytesIO(value)
        if isinstance(value, str):
            return io.BytesIO(self._decoded(value))
        if isinstance(value, io.RawIOBase | io.BufferedIOBase):
            return value  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  what is written as an interface in two ways
        raise self.refuse(value, "a file: give bytes, an open file, or base 64 text")

    def _decoded(self, text: str) -> bytes:
        if len(text) > self.max_size * 2:
            raise self._too_large()
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise self.refuse(text, "a file in base 64") from None

    def _kept(self, env: Env, source: BinaryIO) -> tuple[str, int]:
        try:
            return env.files.put(source, self.max_size)
        except ValueError:
            raise self._too_large() from None

    def _too_large(self) -> ValidationError:
        return ValidationError(
            _("{label}: a file has at most {size} MB.", label=self.label, size=f"{self.max_size / 1_000_000:g}")
        )
