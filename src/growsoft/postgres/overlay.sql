-- What an administrator adds to one database at run time: custom models and fields. The rows that people write (ir.model,
-- ir.model.fields) are mirrored here, and only from here does the keeper take what it makes: a row that came in another
-- way than as a member of base.admin is refused, whatever a policy or a grant may say.
SET ROLE gs_definer;

CREATE TABLE gs_priv.overlay (
  source text NOT NULL CHECK (source IN ('model', 'field')),
  id bigint NOT NULL,
  definition jsonb NOT NULL,
  user_id bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (source, id)
);
-- How often something was declared, and how far that stands in the tables: its number, what it consists of, and a hash of
-- that, which is empty where nothing was ever added.
CREATE TABLE gs_priv.overlay_state (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  declared bigint NOT NULL DEFAULT 0,
  applied bigint NOT NULL DEFAULT 0,
  token text NOT NULL DEFAULT '',
  definitions jsonb NOT NULL DEFAULT '[]'
);
INSERT INTO gs_priv.overlay_state DEFAULT VALUES;

-- What the apps themselves have ('base') is written by elevated code and is no declaration. What people add ('manual') is
-- never written by elevated code: no sudo of any app can be led to declare something.
CREATE FUNCTION gs_priv.mirror_overlay() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  o jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  n jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  stamps text[] := '{create_uid,create_date,write_uid,write_date,version}';
BEGIN
  IF coalesce(o ->> 'state', n ->> 'state') = 'base' AND coalesce(n ->> 'state', 'base') = 'base' THEN
    RETURN NULL;
  END IF;
  IF gs.elevated() OR gs.user_id() IS NULL OR NOT pg_has_role(gs.ctx(1)::name, 'g_base_admin', 'USAGE') THEN
    RAISE EXCEPTION 'only an administrator declares fields and models' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF o - stamps = n - stamps THEN
    RETURN NULL;
  END IF;
  IF n IS NOT NULL AND o IS NOT NULL AND (o ->> 'model', o ->> 'ttype', o ->> 'relation')
       IS DISTINCT FROM (n ->> 'model', n ->> 'ttype', n ->> 'relation')
     OR TG_ARGV[0] = 'field' AND n IS NOT NULL AND o IS NOT NULL AND o ->> 'name' <> n ->> 'name' THEN
    RAISE EXCEPTION 'what a field holds, and where, stays as it is' USING ERRCODE = 'check_violation';
  END IF;
  IF n IS NULL AND (o ->> 'active')::boolean THEN
    RAISE EXCEPTION 'only what was archived is deleted' USING ERRCODE = 'check_violation';
  END IF;
  IF n IS NULL THEN
    DELETE FROM gs_priv.overlay WHERE source = TG_ARGV[0] AND id = (o ->> 'id')::bigint;
  ELSE
    INSERT INTO gs_priv.overlay AS x (source, id, definition, user_id)
    VALUES (TG_ARGV[0], (n ->> 'id')::bigint, n - stamps, gs.user_id())
    ON CONFLICT (source, id) DO UPDATE SET definition = excluded.definition, user_id = excluded.user_id, at = excluded.at;
  END IF;
  UPDATE gs_priv.overlay_state SET declared = declared + 1;
  RETURN NULL;
END $$;

-- The hash of what is applied: asked with each context, so that every worker sees a change in its next transaction.
CREATE FUNCTION gs.overlay() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT token FROM gs_priv.overlay_state $$;
CREATE FUNCTION gs.overlay_definitions() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT definitions::text FROM gs_priv.overlay_state $$;
CREATE FUNCTION gs.overlay_waits() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT declared <> applied FROM gs_priv.overlay_state $$;
GRANT EXECUTE ON FUNCTION gs.overlay(), gs.overlay_definitions(), gs.overlay_waits() TO PUBLIC;
RESET ROLE;
