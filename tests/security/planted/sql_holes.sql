-- Planted: functions, grants and tables without their walls.
CREATE FUNCTION gs.open_door(reason text) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER AS $$ -- hole: growsoft-definer-without-search-path
  SELECT true
$$;
CREATE FUNCTION gs.shut_door(reason text) RETURNS boolean LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT false
$$;
CREATE FUNCTION gs.own_door() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT true $$;
GRANT SELECT, INSERT ON res_partner TO PUBLIC; -- hole: growsoft-rows-for-everybody
GRANT ALL ON SCHEMA gs_priv TO PUBLIC; -- hole: growsoft-rows-for-everybody
GRANT USAGE ON SCHEMA gs TO PUBLIC;
GRANT EXECUTE ON FUNCTION gs.own_door() TO PUBLIC;
GRANT SELECT ON res_partner TO gs_profile_1;
ALTER TABLE res_partner DISABLE ROW LEVEL SECURITY; -- hole: growsoft-row-security-off
ALTER TABLE res_partner NO FORCE ROW LEVEL SECURITY; -- hole: growsoft-row-security-off
ALTER TABLE res_partner ENABLE ROW LEVEL SECURITY;
ALTER TABLE res_partner FORCE ROW LEVEL SECURITY;
