"""Attachments: the files of a record as screens show, add and delete them. PostgreSQL decides who may do what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final, Protocol

from growsoft.errors import AccessError, MissingError, UserError
from growsoft.orm import Env
from growsoft.orm.domain import Condition, Leaf
from growsoft.orm.fields.binary import Content
from growsoft.views.fields import ModelView
from growsoft.views.manner import Manner
from growsoft.views.people import users_of
from growsoft.views.previews import HEAD, Preview, preview_of, safe_name
from growsoft.words import _

MODEL: Final = "ir.attachment"
# As many as anybody looks through; a record with more is told to have more.
MOST_SHOWN: Final = 200
# Pictures up to this size are shown in the list itself.
THUMBNAIL: Final = 2_000_000
_PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_COLUMNS: Final = ("name", "mimetype", "file_size", "create_date", "create_uid")


class Upload(Protocol):
    """A file as it came: the name its sender gave it, and its bytes."""

    @property
    def name(self) -> str:
        """What its sender calls it."""
        ...

    @property
    def content(self) -> BinaryIO:
        """Its bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Attached:
    """One file of a record, ready to be shown."""

    id: int
    name: str
    mimetype: str
    size: int
    when: str
    at: datetime | None
    who: str

    @property
    def pictured(self) -> bool:
        """Whether the list shows a small picture of it."""
        return self.mimetype in _PICTURES and 0 < self.size <= THUMBNAIL

    @property
    def suffix(self) -> str:
        """What its name ends with, for a sign in place of a picture."""
        _stem, dot, end = self.name.rpartition(".")
        return end[:4].upper() if dot and end.isalnum() else ""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one record, and whether its reader may add some."""

    files: tuple[Attached, ...]
    more: int
    changeable: bool


def kept_for(env: Env, model: ModelView) -> bool:
    """Say whether records of a model have files: those that belong to other records themselves have none."""
    info = env.registry.models.get(MODEL)
    owner = env.registry.models[model.name]
    return info is not None and bool(env.readable(info)) and owner.follows is None and not owner.transient


def files_of(env: Env, model: ModelView, record: int, manner: Manner) -> Files:
    """Return the files of a record; of one that is hidden there are none."""
    if not kept_for(env, model):
        return Files((), 0, changeable=False)
    condition = _of(model, record)
    rows = env[MODEL].search_read(condition, _COLUMNS, limit=MOST_SHOWN + 1)
    names = _names(env, {int(row["create_uid"]) for row in rows})
    more = env[MODEL].search_count(condition) - MOST_SHOWN if len(rows) > MOST_SHOWN else 0
    return Files(
        tuple(
            Attached(
                id=int(row["id"]),
                name=str(row["name"]),
                mimetype=str(row["mimetype"]),
                size=int(row["file_size"]),
                when=manner.moment(row["create_date"]) if row["create_date"] else "",
                at=row["create_date"],
                who=names.get(int(row["create_uid"]), ""),
            )
            for row in rows[:MOST_SHOWN]
        ),
        more,
        changeable=model.may("write"),
    )


def attach(env: Env, model: ModelView, record: int, uploads: Sequence[Upload]) -> int:
    """Add files to a record that may be changed, and return how many.

    Raises `AccessError` for a record that may only be read, `MissingError` for one that is hidden, both by what
    PostgreSQL says, and `UserError` where nothing was chosen.
    """
    if not kept_for(env, model) or not env[model.name].browse(record).exists():
        raise MissingError
    chosen = [upload for upload in uploads if upload.name]
    if not chosen:
        raise UserError(_("Choose a file first."))
    for upload in chosen:
        values = {"name": safe_name(upload.name), "res_model": model.name, "res_id": record, "datas": upload.content}
        env[MODEL].create(values)
    env.flush()
    return len(chosen)


def detach(env: Env, model: ModelView, record: int, file: int) -> str:
    """Delete a file of a record and return its name."""
    found = env[MODEL].search(_of(model, record) & Leaf(("id",), "=", file)) if kept_for(env, model) else None
    if not found:
        raise MissingError
    name: str = found.display_name
    found.unlink()
    env.flush()
    return name


def attached(env: Env, model: ModelView, record: int, file: int) -> tuple[str, Content]:
    """Return the name and the content of a file; one of another record, or a hidden one, raises `MissingError`."""
    if not kept_for(env, model):
        raise MissingError
    found = env[MODEL].search(_of(model, record) & Leaf(("id",), "=", file))
    if not found:
        raise MissingError
    content = getattr(found, "datas", None)
    if not isinstance(content, Content):
        raise MissingError
    return found.display_name, content


def held(env: Env, model: ModelView, record: int, field: str) -> tuple[str, Content]:
    """Return a name for, and the content of, a field that holds a file."""
    view = model.fields.get(field)
    found = env[model.name].browse(record)
    if view is None or view.kind != "binary" or not found.exists():
        raise MissingError
    content = getattr(found, field)
    if not isinstance(content, Content):
        raise MissingError
    return safe_name(f"{found.display_name} {view.label}"), content


def shown_as(content: Content) -> Preview:
    """Say how some content is shown."""
    with content.reading() as stream:
        return preview_of(stream.read(HEAD))


def beginning(content: Content, size: int) -> bytes:
    """Return the first bytes of some content."""
    with content.reading() as stream:
        return stream.read(size)


def _of(model: ModelView, record: int) -> Condition:
    """Return the condition of the files of a record."""
    return Leaf(("res_model",), "=", model.name) & Leaf(("res_id",), "=", record)


def _names(env: Env, ids: set[int]) -> dict[int, str]:
    """Return the names of those users that the reader may see."""
    users = users_of(env)
    if users is None or not ids - {0}:
        return {}
    try:
        rows = env[users.name].search_read([["id", "in", sorted(ids - {0})]], [users.rec_name])
    except AccessError:
        return {}
    return {int(row["id"]): str(row[users.rec_name]) for row in rows}
