-- The history: who changed what, written by triggers alone, sealed by the keeper. Nobody is granted anything on it; it is
-- only ever added to. The functions of the triggers (audit.py) belong to gs_definer, not to the owner of the tables.
SET ROLE gs_definer;

-- One row for each record that a statement changed, and for each event (sudo, sign_in, password, ...).
-- Its order is (era, xid, id): ids are given out before a commit, and by sequence; everything of one transaction stands
-- together, and once no older transaction is at work nothing can come before it any more. An era ends when a database
-- moves to another cluster, whose transactions are numbered anew; the default says which one it is (sealing.py).
CREATE TABLE gs_priv.audit (
  era smallint NOT NULL DEFAULT 1,
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  id bigint GENERATED ALWAYS AS IDENTITY,
  at timestamptz NOT NULL DEFAULT statement_timestamp(),
  kind text NOT NULL,
  user_id bigint NOT NULL,
  actor bigint NOT NULL DEFAULT 0,
  entry bigint NOT NULL DEFAULT 0, -- of elevated changes: the id of the row of kind sudo in the same transaction
  request text NOT NULL DEFAULT gs.ctx(8),
  reason text NOT NULL DEFAULT '',
  caller text NOT NULL DEFAULT '',
  table_name text NOT NULL DEFAULT '',
  relation text NOT NULL DEFAULT '', -- of changed links: their own table
  record_id bigint NOT NULL DEFAULT 0,
  details jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (era, xid, id)
);
CREATE INDEX audit_record ON gs_priv.audit (table_name, record_id, id) WHERE table_name <> '';

-- The chain over the history: each seal stands for the rows up to its own (era, xid, id) and after those of the seal
-- before it. The keeper adds them (sealing.py); a seal stays when the rows it stands for are swept, then without leaves.
CREATE TABLE gs_priv.seal (
  number bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  era smallint NOT NULL,
  xid xid8 NOT NULL,
  id bigint NOT NULL,
  rows integer NOT NULL,
  leaves bytea, -- SHA-256 of each row
  root bytea NOT NULL, -- SHA-256 of the leaves
  hash bytea NOT NULL -- SHA-256 of all that, and of the hash of the seal before
);
ALTER TABLE gs_priv.seal ALTER COLUMN leaves SET STORAGE EXTERNAL; -- hashes cannot be compressed

-- Who is changing something right now. A statement can leave its context before its triggers run (gs.leave() in a
-- RETURNING list), so a change without anybody is refused, but the keeper's own: then the user is 0.
CREATE FUNCTION gs_priv.acting(OUT user_id bigint, OUT actor bigint, OUT entry bigint, OUT request text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  user_id := gs.user_id();
  IF user_id IS NULL THEN
    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = session_user) THEN
      RAISE EXCEPTION 'a change needs somebody who makes it' USING ERRCODE = 'insufficient_privilege';
    END IF;
    user_id := 0;
  END IF;
  actor := coalesce(gs.actor(), 0);
  entry := coalesce(nullif(gs.ctx(9), '')::bigint, 0);
  request := gs.ctx(8);
END $$;

-- Reading the history. In a view, what is read belongs to the view's owner, while functions act as whoever asks: so
-- gs.sees() is answered by the policies of the table itself, and gs.shown() by its grants, both for the reader.
CREATE FUNCTION gs.sees(of_table text, of_record bigint) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  t regclass := to_regclass(format('public.%I', of_table));
  found boolean := false;
BEGIN
  IF t IS NOT NULL AND has_column_privilege(t, 'id', 'SELECT') THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE id = $1)', of_table) INTO found USING of_record;
  END IF;
  RETURN found;
END $$;
-- A field is a column, or a list of links with a table of its own. What is no column any more is nobody's to read.
CREATE FUNCTION gs.shown(of_table text, relation text, details jsonb) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT coalesce(jsonb_object_agg(d.key, d.value), '{}') FROM jsonb_each(details) d
   WHERE CASE WHEN relation <> '' THEN coalesce(
           has_column_privilege(to_regclass(format('public.%I', relation)), 'target_id', 'SELECT'), false)
         ELSE EXISTS (SELECT FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = to_regclass(format('public.%I', of_table)) AND a.attname = d.key AND NOT a.attisdropped
             AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')) END;
END;
CREATE VIEW gs.history WITH (security_barrier) AS
SELECT a.table_name, a.record_id, a.era, a.xid, a.id, a.at, a.kind, a.user_id, a.actor, a.request, a.relation,
       coalesce(s.reason, '') AS reason, x.details
  FROM gs_priv.audit a LEFT JOIN gs_priv.audit s ON a.entry <> 0 AND (s.era, s.xid, s.id) = (a.era, a.xid, a.entry)
 CROSS JOIN LATERAL (
       SELECT CASE WHEN gs.elevated() THEN a.details ELSE gs.shown(a.table_name, a.relation, a.details) END AS details) x
 WHERE a.table_name <> '' AND gs.ctx(1) = current_user AND (gs.elevated() OR gs.sees(a.table_name, a.record_id))
   AND (x.details <> '{}' OR a.details = '{}');
GRANT EXECUTE ON FUNCTION gs.sees(text, bigint), gs.shown(text, text, jsonb) TO PUBLIC;
GRANT SELECT ON gs.history TO PUBLIC; -- nosemgrep: growsoft-rows-for-everybody - the view shows only what its reader sees
RESET ROLE;
