-- Files: a column holds where one lies and how long it is; its content is elsewhere, under a key that is kept here,
-- wrapped, so that it goes with the data into copies and backups, and is gone when they are.
CREATE DOMAIN gs.file AS text CHECK (VALUE ~ '^([0-9a-f]{64}:(0|[1-9][0-9]{0,14}))?$');
SET ROLE gs_definer;
CREATE TABLE gs_priv.file_key (
  key_id bigint PRIMARY KEY CHECK (key_id > 0), wrapped bytea NOT NULL CHECK (octet_length(wrapped) = 95)
);
-- Only elevated code asks, and what it gets opens nothing without the key of the instance.
CREATE FUNCTION gs.file_keys() RETURNS SETOF bytea
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT coalesce(gs.elevated(), false) THEN
    RAISE EXCEPTION 'only elevated code asks for this' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN QUERY SELECT k.wrapped FROM gs_priv.file_key k ORDER BY k.key_id;
END $$;
GRANT EXECUTE ON FUNCTION gs.file_keys() TO PUBLIC;
RESET ROLE;
