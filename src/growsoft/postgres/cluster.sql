-- Roles of the whole cluster, made once by the superuser; every statement can run again.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'gs_owner') THEN
    CREATE ROLE gs_owner NOLOGIN NOINHERIT;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'gs_definer') THEN
    CREATE ROLE gs_definer NOLOGIN NOINHERIT;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'gs_elevated') THEN
    CREATE ROLE gs_elevated NOLOGIN NOINHERIT;
  END IF;
END
$$;
-- Every database but a customer's own is the superuser's alone; PostgreSQL lets everybody in by default.
DO $$
DECLARE d name;
BEGIN
  FOR d IN SELECT datname FROM pg_catalog.pg_database WHERE datname IN ('postgres', 'template0', 'template1') LOOP
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', d);
  END LOOP;
END
$$;
-- The signed context lives in a parameter that only a superuser may set: docs/decisions/0002.
GRANT SET ON PARAMETER backtrace_functions TO gs_definer;
