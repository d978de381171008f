"""What belongs to a record has its rights: PostgreSQL says so, for every model and every group."""

from __future__ import annotations

from dataclasses import replace

import pytest

from growsoft.apps.base.models import Attachment
from growsoft.errors import AccessError, ConfigError, UserError, ValidationError
from growsoft.orm import App, Env, Registry, load
from growsoft.orm.domain import Condition
from growsoft.postgres.sql import sql
from tests.integration.orm.conftest import Trade
from tests.integration.orm_files import mixed
from tests.integration.orm_files.papers import Note, Paper, Vault


def attach(env: Env, model: str, record_id: int, name: str = "a.txt") -> Attachment:
    made = env[Attachment].create({"name": name, "res_model": model, "res_id": record_id, "datas": b"content"})
    env.flush()
    return made


def seen(env: Env, attachment: Attachment) -> bool:
    everything: Condition = Attachment.id.in_(attachment.ids)
    return bool(env[Attachment].search(everything))


def test_sw7_whoever_reads_a_record_reads_what_belongs_to_it(shared: Trade) -> None:
    with shared.undone() as env:
        wim = shared.as_user(env, "wim")
        paper = wim[Paper].create({"name": "draft"})
        attachment = attach(wim, "papers.paper", paper.id)
        assert [seen(shared.as_user(env, login), attachment) for login in ("wim", "edi", "eva", "rob", "joe")] == [
            True, True, False, False, False,
        ]  # fmt: skip
        paper.published = True
        env.flush()
        assert [seen(shared.as_user(env, login), attachment) for login in ("eva", "rob", "joe")] == [False, True, False]


def test_sw7_only_who_may_change_a_record_changes_what_belongs_to_it(shared: Trade) -> None:
    with shared.undone() as env:
        wim, rob = shared.as_user(env, "wim"), shared.as_user(env, "rob")
        paper = wim[Paper].create({"name": "out", "published": True})
        attachment = attach(wim, "papers.paper", paper.id)
        with pytest.raises(AccessError), env.savepoint():
            attach(rob, "papers.paper", paper.id)
        with pytest.raises(AccessError), env.savepoint():
            rob[Attachment].browse(attachment.id).write({"name": "b"})
        with pytest.raises(AccessError), env.savepoint():
            rob[Attachment].browse(attachment.id).unlink()
        env[Paper].browse(paper.id).locked = True  # a global rule keeps everybody from changing it
        env.flush()
        for login in ("wim", "edi"):
            with pytest.raises(AccessError), env.savepoint():
                shared.as_user(env, login)[Attachment].browse(attachment.id).write({"name": "b"})


def test_sw7_nothing_is_moved_onto_or_away_from_a_record_one_may_not_change(shared: Trade) -> None:
    with shared.undone() as env:
        wim, eva = shared.as_user(env, "wim"), shared.as_user(env, "eva")
        mine = wim[Paper].create({"name": "mine"})
        hers = eva[Paper].create({"name": "hers"})
        attachment = attach(wim, "papers.paper", mine.id)
        with pytest.raises(AccessError), env.savepoint():
            attachment.write({"res_id": hers.id})
        with pytest.raises(AccessError), env.savepoint():
            attach(wim, "papers.paper", hers.id)
        with pytest.raises(AccessError), env.savepoint():
            attach(wim, "papers.vault", 1)


def test_sw7_a_query_of_many_models_breaks_for_nobody(shared: Trade) -> None:
    with shared.undone() as env:
        sec = shared.as_user(env, "sec")
        vault = sec[Vault].create({"name": "gold"})
        hidden = attach(sec, "papers.vault", vault.id)
        for login in ("wim", "eva", "rob", "edi", "joe"):
            other = shared.as_user(env, login)
            assert hidden.id not in other[Attachment].search([]).ids
            assert other[Attachment].search_count([["res_model", "=", "papers.vault"]]) == 0
        assert seen(sec, hidden)


def test_one_that_names_no_record_is_its_makers_alone(shared: Trade) -> None:
    with shared.undone() as env:
        wim, edi = shared.as_user(env, "wim"), shared.as_user(env, "edi")
        upload = wim[Attachment].create({"name": "a.pdf", "datas": b"x"})
        env.flush()
        assert seen(wim, upload)
        assert not seen(edi, upload)
        paper = wim[Paper].create({"name": "p"})
        upload.write({"res_model": "papers.paper", "res_id": paper.id})
        env.flush()
        assert seen(edi, upload)
        assert (upload.file_size, upload.mimetype) == (1, "application/pdf")


def test_whoever_reads_a_record_may_add_where_reading_is_enough(shared: Trade) -> None:
    with shared.undone() as env:
        wim, rob, joe = (shared.as_user(env, login) for login in ("wim", "rob", "joe"))
        paper = wim[Paper].create({"name": "out", "published": True})
        env.flush()
        note = rob[Note].create({"text": "good", "res_model": "papers.paper", "res_id": paper.id})
        env.flush()
        assert wim[Note].search([["id", "=", note.id]])
        assert not joe[Note].search([["id", "=", note.id]])
        with pytest.raises(AccessError), env.savepoint():
            joe[Note].create({"text": "bad", "res_model": "papers.paper", "res_id": paper.id})


def test_what_belongs_to_a_record_goes_with_it(shared: Trade) -> None:
    with shared.undone() as env:
        wim = shared.as_user(env, "wim")
        paper, other = wim[Paper].create([{"name": "a"}, {"name": "b"}])
        gone, stays = attach(wim, "papers.paper", paper.id), attach(wim, "papers.paper", other.id)
        paper.unlink()
        env.flush()
        assert env[Attachment].browse((*gone.ids, *stays.ids)).exists().ids == stays.ids


@pytest.mark.parametrize(
    ("model", "record_id"), [("papers.paper", 0), ("", 5), ("no.model", 5), ("papers_paper", 5), ("papers.paper", -1)]
)
def test_an_attachment_names_a_record_or_none(shared: Trade, model: str, record_id: int) -> None:
    with shared.undone() as env, pytest.raises(UserError):
        attach(env, model, record_id)


def test_sw7_raw_sql_gets_no_further_than_the_orm(shared: Trade) -> None:
    with shared.undone() as env:
        wim, rob = shared.as_user(env, "wim"), shared.as_user(env, "rob")
        paper = wim[Paper].create({"name": "draft"})
        attachment = attach(wim, "papers.paper", paper.id)
        assert rob.execute(sql("SELECT id FROM ir_attachment WHERE id = {i}", i=attachment.id)).rows == []
        changed = rob.execute(
            sql("UPDATE ir_attachment SET name = 'x', write_uid = {u} WHERE id = {i}", u=rob.user_id, i=attachment.id)
        )
        assert changed.rowcount == 0
        with pytest.raises(AccessError), env.savepoint():
            rob.execute(
                sql("INSERT INTO ir_attachment (name, res_model, res_id, datas) VALUES ('x', 'papers.paper', {i}, {f})",
                    i=paper.id, f="0" * 64 + ":1")
            )  # fmt: skip


def test_what_is_declared_does_not_depend_on_the_order_of_imports(papers_registry: Registry) -> None:
    backwards = replace(papers_registry, models=dict(sorted(papers_registry.models.items(), reverse=True)))
    assert backwards.declarations.digest() == papers_registry.declarations.digest()


def test_rules_for_groups_and_following_do_not_mix() -> None:
    with pytest.raises(ConfigError, match="no rules for groups"):
        _ = load(["mixed"], available={"mixed": App("mixed", "1.0", mixed.__name__)}).declarations


def test_a_default_for_a_file_is_refused_when_it_is_declared() -> None:
    with pytest.raises(ValidationError):
        Paper.scan.to_raw(b"x")
