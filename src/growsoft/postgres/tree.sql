-- Hierarchies: the way from the top to each record, kept in the private side, because whoever moves a record need not see
-- what is below it and a rule may depend on the way (docs/decisions/0016). Triggers keep it: raw SQL cannot make it wrong.
SET ROLE gs_definer;

-- Records with a parent or with children; any other is alone. A way is written as /1/17/23/, so that those below a record
-- are a range of the index. Where a way would be too long for the index the database refuses it.
CREATE TABLE gs_priv.tree (
  tab text COLLATE "C" NOT NULL,
  id bigint NOT NULL,
  path text COLLATE "C" NOT NULL CONSTRAINT gs_tree_depth CHECK (octet_length(path) <= 1000),
  PRIMARY KEY (tab, id)
);
CREATE INDEX tree_path ON gs_priv.tree (tab, path);

-- Gives records new parents (NULL: none), with all that is below them. Refuses a record below itself.
CREATE FUNCTION gs_priv.tree_move(of_table text, moved bigint[], parents bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids bigint[];
  paths text[];
  concerned bigint;
BEGIN
  INSERT INTO gs_priv.tree
  SELECT of_table, x, '/' || x || '/' FROM (SELECT unnest(moved) UNION SELECT unnest(parents)) AS n(x)
   WHERE x IS NOT NULL ORDER BY x
  ON CONFLICT DO NOTHING;
  -- Two who each move what the other one puts something below: the second waits here and has to begin again. Whoever
  -- moves a record writes the ways of all that is below it, so it is enough to hold the parent.
  PERFORM FROM gs_priv.tree WHERE tab = of_table AND id = ANY (parents) ORDER BY id FOR SHARE;
  WITH RECURSIVE given(id, parent) AS (
    SELECT * FROM unnest(moved, parents)
  ), links AS (
    SELECT DISTINCT t.id, CASE WHEN g.id IS NULL THEN nullif(split_part(t.path, '/', -3), '')::bigint ELSE g.parent END AS parent
      FROM given m
      JOIN gs_priv.tree r ON r.tab = of_table AND r.id = m.id
      JOIN gs_priv.tree t ON t.tab = of_table AND t.path >= r.path AND t.path < left(r.path, -1) || '0'
      LEFT JOIN given g ON g.id = t.id
  ), walked(id, path) AS (
    SELECT l.id, coalesce(p.path, '/') || l.id || '/'
      FROM links l LEFT JOIN gs_priv.tree p ON p.tab = of_table AND p.id = l.parent
     WHERE l.parent IS NULL OR NOT EXISTS (SELECT FROM links o WHERE o.id = l.parent)
    UNION ALL
    SELECT l.id, w.path || l.id || '/' FROM walked w JOIN links l ON l.parent = w.id
  )
  SELECT array_agg(w.id), array_agg(w.path), (SELECT count(*) FROM links) INTO ids, paths, concerned FROM walked w;
  IF coalesce(cardinality(ids), 0) < concerned THEN -- no way from the top leads to all of them
    RAISE EXCEPTION 'a record cannot be below itself' USING ERRCODE = 'check_violation', CONSTRAINT = 'gs_tree_circle';
  END IF;
  UPDATE gs_priv.tree t SET path = n.path FROM unnest(ids, paths) AS n(id, path)
   WHERE t.tab = of_table AND t.id = n.id AND t.path <> n.path;
END $$;

-- Statement triggers; the argument is the column of the parent. A table is asked once for all rows that changed.
CREATE FUNCTION gs_priv.tree_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids bigint[];
  above bigint[];
BEGIN
  EXECUTE format('SELECT array_agg(id), array_agg(%1$I) FROM new_rows WHERE %1$I IS NOT NULL', TG_ARGV[0]) INTO ids, above;
  IF ids IS NULL THEN
    RETURN NULL;
  ELSIF ids && above THEN -- some are below others of the same statement
    PERFORM gs_priv.tree_move(TG_TABLE_NAME, ids, above);
    RETURN NULL;
  END IF;
  INSERT INTO gs_priv.tree SELECT DISTINCT TG_TABLE_NAME, x, '/' || x || '/' FROM unnest(above) x ORDER BY x
  ON CONFLICT DO NOTHING;
  PERFORM FROM gs_priv.tree WHERE tab = TG_TABLE_NAME AND id = ANY (above) ORDER BY id FOR SHARE;
  INSERT INTO gs_priv.tree SELECT TG_TABLE_NAME, n.id, p.path || n.id || '/'
    FROM unnest(ids, above) AS n(id, parent) JOIN gs_priv.tree p ON p.tab = TG_TABLE_NAME AND p.id = n.parent;
  RETURN NULL;
END $$;

CREATE FUNCTION gs_priv.tree_update() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids bigint[];
  above bigint[];
BEGIN
  EXECUTE format('SELECT array_agg(n.id), array_agg(n.%1$I) FROM new_rows n JOIN old_rows o ON o.id = n.id'
    ' WHERE n.%1$I IS DISTINCT FROM o.%1$I', TG_ARGV[0]) INTO ids, above;
  IF ids IS NOT NULL THEN
    PERFORM gs_priv.tree_move(TG_TABLE_NAME, ids, above);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION gs_priv.tree_delete() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM gs_priv.tree t USING old_rows o WHERE t.tab = TG_TABLE_NAME AND t.id = o.id;
  RETURN NULL;
END $$;

-- For a table that has become a hierarchy. Run by the superuser, who alone sees all of it.
CREATE FUNCTION gs_priv.tree_fill(of_table text, parent_column text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids bigint[];
  above bigint[];
BEGIN
  DELETE FROM gs_priv.tree WHERE tab = of_table;
  EXECUTE format('SELECT array_agg(id), array_agg(%1$I) FROM public.%2$I WHERE %1$I IS NOT NULL', parent_column, of_table)
    INTO ids, above;
  IF ids IS NOT NULL THEN
    PERFORM gs_priv.tree_move(of_table, ids, above);
  END IF;
END $$;

-- Who may not read the parent of a record is told nothing of the hierarchy.
CREATE FUNCTION gs_priv.tree_open(of_table text, parent_column text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT has_column_privilege(coalesce(nullif(current_setting('role'), 'none'), session_user::text),
    format('public.%I', of_table), parent_column, 'SELECT') $$;

-- The ids of some records and of all below (above) them, hidden ones too: the rows that are compared with them are those
-- that the reader sees. Asked once for each statement.
CREATE FUNCTION gs.below(of_table text, parent_column text, ids bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN gs_priv.tree_open(of_table, parent_column) THEN ARRAY(
    SELECT unnest(ids)
    UNION SELECT t.id FROM unnest(ids) AS n(id) JOIN gs_priv.tree r ON r.tab = of_table AND r.id = n.id
      JOIN gs_priv.tree t ON t.tab = of_table AND t.path >= r.path AND t.path < left(r.path, -1) || '0') ELSE '{}' END $$;
CREATE FUNCTION gs.above(of_table text, parent_column text, ids bigint[]) RETURNS bigint[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN gs_priv.tree_open(of_table, parent_column) THEN ARRAY(
    SELECT unnest(ids)
    UNION SELECT x::bigint FROM gs_priv.tree r, unnest(string_to_array(trim(BOTH '/' FROM r.path), '/')) x
     WHERE r.tab = of_table AND r.id = ANY (ids)) ELSE '{}' END $$;
GRANT EXECUTE ON FUNCTION gs.below(text, text, bigint[]), gs.above(text, text, bigint[]) TO PUBLIC;
RESET ROLE;
