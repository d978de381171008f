"""Files on records: written as bytes or base 64, read when asked for, with the rights of their record and column."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import pytest

from growsoft.errors import AccessError, ValidationError
from growsoft.orm.domain import DomainError
from growsoft.postgres.sql import sql
from growsoft.security.filestore import FileStore
from tests.integration.orm.conftest import Trade
from tests.integration.orm_files.papers import Paper

MARKER = b"confidential figures " * 50


def test_a_file_is_written_in_several_ways_and_read_when_asked_for(shared: Trade) -> None:
    with shared.undone("wim") as env:
        ways: list[object] = [MARKER, bytearray(MARKER), io.BytesIO(MARKER), base64.b64encode(MARKER).decode()]
        papers = env[Paper].create([{"name": str(i), "scan": way} for i, way in enumerate(ways)])
        assert [scan.read() for paper in papers if (scan := paper.scan)] == [MARKER] * 4
        paper = env[Paper].create({"name": "none"})
        assert paper.scan is None
        paper.scan = papers[0].scan
        env.flush()
        assert paper.scan == papers[1].scan
        paper.write({"scan": b"other"})
        assert paper.scan is not None
        assert paper.scan.read() == b"other"
        paper.write({"scan": False})
        assert paper.scan is None


def test_the_wire_tells_the_size_and_never_where_a_file_lies(shared: Trade) -> None:
    with shared.undone("wim") as env:
        paper = env[Paper].create({"name": "a", "scan": b"12345"})
        empty = env[Paper].create({"name": "b"})
        assert (paper | empty).read(["scan"]) == [{"id": paper.id, "scan": 5}, {"id": empty.id, "scan": None}]
        assert env[Paper].search_read([["scan", "!=", False]], ["scan"]) == [{"id": paper.id, "scan": 5}]
        assert env[Paper].search([["scan", "=", False]]).ids == (empty.id,)
        assert "[0-9a-f]{64}" not in repr(paper.scan)


@pytest.mark.parametrize("value", [7, 1.5, True, ["x"], {"a": 1}, "not base 64!", "YWJ", object()])
def test_what_is_no_file_is_refused(shared: Trade, value: object) -> None:
    with shared.undone("wim") as env, pytest.raises(ValidationError, match="Scan"):
        env[Paper].create({"name": "a", "scan": value})


@pytest.mark.parametrize("large", [bytes(100_001), base64.b64encode(bytes(100_001)).decode(), "A" * 300_000])
def test_a_file_that_is_too_large_is_refused(shared: Trade, large: object) -> None:
    with shared.undone("wim") as env, pytest.raises(ValidationError, match=r"at most 0\.1 MB"):
        env[Paper].create({"name": "a", "scan": large})


def test_a_search_does_not_look_into_files(shared: Trade) -> None:
    with shared.undone("wim") as env:
        for term in (["scan", "=", "a" * 64], ["scan", "ilike", "a"], ["scan", ">", 5], ["scan", "in", [b"x"]]):
            with pytest.raises(DomainError):
                env[Paper].search([term])


def test_en4_nothing_of_a_file_is_in_the_database_or_readable_in_storage(shared: Trade) -> None:
    with shared.undone("wim") as env:
        paper = env[Paper].create({"name": "a", "scan": MARKER})
        env.flush()
        kept = env.execute(sql("SELECT scan FROM papers_paper WHERE id = {id}", id=paper.id)).scalar(str)
        assert len(kept) < 90
        store = env.files
        assert isinstance(store, FileStore)
        for path in Path(store.folder).rglob("*"):
            assert path.is_dir() or MARKER[:21] not in path.read_bytes()


def test_sw7_who_may_not_read_the_record_or_the_column_gets_no_file(shared: Trade) -> None:
    with shared.undone() as env:
        sec = shared.as_user(env, "sec")
        paper = sec[Paper].create({"name": "a", "scan": MARKER, "secret_scan": MARKER})
        env.flush()
        rob, wim = shared.as_user(env, "rob"), shared.as_user(env, "wim")
        for other in (rob, wim):
            with pytest.raises(AccessError):
                other[Paper].browse(paper.id).read(["secret_scan"])
            assert other[Paper].search_count([["id", "=", paper.id]]) == 0
        paper.published = True
        env.flush()
        scan = rob[Paper].browse(paper.id).scan
        assert scan is not None
        assert scan.read() == MARKER
        with pytest.raises(AccessError):
            _ = rob[Paper].browse(paper.id).secret_scan


def test_sw7_a_made_up_address_is_refused_by_postgresql_or_leads_nowhere(shared: Trade) -> None:
    with shared.undone("wim") as env:
        paper = env[Paper].create({"name": "a", "scan": b"mine"})
        env.flush()
        for wrong in ("../../etc/passwd:5", "0" * 64, "0" * 64 + ":-1", "0" * 64 + ":1\n", "x"):
            with pytest.raises(ValidationError), env.savepoint():
                env.execute(sql("UPDATE papers_paper SET scan = {w} WHERE id = {i}", w=wrong, i=paper.id))
        # The hash of content that somebody knows is not its address: nobody gets a file by knowing what is in it.
        known = f"{os.urandom(32).hex()}:4"
        env.execute(sql("UPDATE papers_paper SET scan = {w} WHERE id = {i}", w=known, i=paper.id))
        env.cache.forget()
        scan = env[Paper].browse(paper.id).scan
        assert scan is not None
        with pytest.raises(Exception, match="missing from the storage"):
            scan.read()


def test_only_elevated_code_asks_for_keys_and_nobody_writes_them(shared: Trade) -> None:
    with shared.undone("wim") as env:
        for attempt in (
            sql("SELECT gs.file_keys()"),
            sql("SELECT * FROM gs_priv.file_key"),
            sql("INSERT INTO gs_priv.file_key VALUES (2, '')"),
        ):
            with pytest.raises(AccessError), env.savepoint():
                env.execute(attempt)
