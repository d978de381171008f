"""A database with holes that were planted on purpose: an attack that does not find them proves nothing elsewhere."""

from collections.abc import Generator
from typing import Final

import pytest

from growsoft.postgres.connection import Endpoint
from growsoft.postgres.pool import Pools
from growsoft.postgres.sql import sql
from growsoft.postgres.superuser import superuser
from tests.support.databases import database_from
from tests.support.notes import Notes

# `unsigned` has the rules of `note` but not the signature; `unbound` is signed, but blind to who planned; `unlinked` is
# signed, but takes "no context any more" for "no link".
HOLES: Final = sql(
    """
    CREATE TABLE unsigned (LIKE note INCLUDING ALL);
    CREATE TABLE unbound (LIKE note INCLUDING ALL);
    CREATE TABLE unlinked (LIKE note INCLUDING ALL);
    ALTER SEQUENCE unbound_id_seq RESTART 101;
    INSERT INTO unsigned TABLE note;
    INSERT INTO unbound TABLE note;
    INSERT INTO unlinked TABLE note;
    ALTER TABLE unsigned OWNER TO gs_owner;
    ALTER TABLE unbound OWNER TO gs_owner;
    ALTER TABLE unlinked OWNER TO gs_owner;
    ALTER TABLE unsigned ENABLE ROW LEVEL SECURITY;
    ALTER TABLE unbound ENABLE ROW LEVEL SECURITY;
    ALTER TABLE unlinked ENABLE ROW LEVEL SECURITY;
    ALTER TABLE unsigned FORCE ROW LEVEL SECURITY;
    ALTER TABLE unbound FORCE ROW LEVEL SECURITY;
    ALTER TABLE unlinked FORCE ROW LEVEL SECURITY;
    GRANT SELECT (id, name, user_id), UPDATE (name), INSERT, DELETE ON unsigned, unbound, unlinked
      TO g_notes_writer, g_notes_boss;
    CREATE POLICY own ON unsigned TO g_notes_writer USING (user_id = (SELECT gs.user_id()));
    CREATE POLICY own ON unbound TO g_notes_writer USING (user_id = (SELECT gs.user_id()));
    CREATE POLICY boss ON unsigned TO g_notes_boss USING (true);
    CREATE POLICY boss ON unbound TO g_notes_boss USING (true);
    CREATE POLICY boss ON unlinked TO g_notes_boss USING (true);
    CREATE POLICY company ON unlinked AS RESTRICTIVE FOR ALL TO PUBLIC
      USING (company_id = ANY ((SELECT gs.companies())::bigint[]));
    CREATE POLICY gs_link ON unlinked AS RESTRICTIVE FOR ALL TO PUBLIC
      USING ((SELECT nullif(gs.ctx(7) = '', false)) IS NOT NULL OR (SELECT gs.ctx(7)) = 'unlinked ' || id);
    CREATE POLICY gs_signed ON unlinked AS RESTRICTIVE FOR ALL TO PUBLIC
      USING ((SELECT nullif(gs.ctx(1) = gs.planned_as() AND gs.ctx(1) = current_user, false)) IS NOT NULL);
    CREATE POLICY gs_signed ON unbound AS RESTRICTIVE FOR ALL TO PUBLIC
      USING ((SELECT nullif(gs.ctx(1) = current_user, false)) IS NOT NULL)
    """
)


@pytest.fixture(scope="session")
def holed_notes(server: Endpoint, notes_template: str) -> Generator[Notes]:
    """A database of notes with planted holes, for the whole session."""
    pools = Pools(5)
    with database_from(server, notes_template, pools) as database:
        notes = Notes(database, server)
        with superuser(notes.owner) as connection:
            connection.run(HOLES)
        yield notes
    pools.close()
