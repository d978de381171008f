-- Closes what any login could otherwise use beside the tables (PostgreSQL documentation, chapters 9.28, 33.3, 5.8), and
-- marks the operators that may run before a row is known to be visible. Per database; can run again; after each restore.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO PUBLIC;
REVOKE ALL ON LANGUAGE plpgsql FROM PUBLIC;
REVOKE ALL ON LANGUAGE sql FROM PUBLIC;
DO $$
DECLARE f regprocedure;
BEGIN
  -- Large objects have no row security; backends belong to one login, so a user could end another's request; logical
  -- messages and replication slots reach outside of the database; statistics tell how busy other customers are.
  FOR f IN SELECT p.oid::regprocedure FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::regnamespace AND (p.proname ~ '^(lo_|lowrite$|loread$)'
      OR p.proname ~ '^pg_stat_get_(db|backend)_' OR p.proname IN (
      'pg_lock_status',
      'pg_terminate_backend', 'pg_cancel_backend', 'pg_logical_emit_message', 'pg_notify', 'pg_export_snapshot',
      'pg_create_logical_replication_slot', 'pg_create_physical_replication_slot', 'pg_drop_replication_slot',
      'pg_prepared_statement', 'pg_cursor', 'pg_stat_get_activity', 'pg_stat_get_backend_activity',
      'pg_get_backend_memory_contexts', 'pg_log_backend_memory_contexts')) LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
END $$;
REVOKE ALL ON pg_catalog.pg_prepared_statements, pg_catalog.pg_largeobject, pg_catalog.pg_cursors FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_prepared_statement() TO gs_definer;
-- Their errors and times do not depend on hidden rows; textlike and texticlike are not among them, and never will be.
ALTER FUNCTION pg_catalog.numeric_eq(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_ne(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_lt(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_le(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_gt(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_ge(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.numeric_cmp(numeric, numeric) LEAKPROOF;
ALTER FUNCTION pg_catalog.ts_match_vq(tsvector, tsquery) LEAKPROOF;
ALTER FUNCTION pg_catalog.jsonb_contains(jsonb, jsonb) LEAKPROOF;
ALTER FUNCTION pg_catalog.jsonb_object_field_text(jsonb, text) LEAKPROOF;
