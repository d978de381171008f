-- What makes a database unsafe, one sentence a row. Needs no rights beyond reading the catalogues.
WITH t AS (
  SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.relowner, c.relacl
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'gs_priv')
     AND n.nspname !~ '^pg_(toast|temp)'
     -- The one view: what it shows is decided by functions that act as whoever asks (audit.sql, and the fingerprint).
     AND NOT (c.oid = to_regclass('gs.history') AND c.relkind = 'v' AND c.relowner = 'gs_definer'::regrole
       AND c.reloptions = '{security_barrier=true}')
), everywhere AS (
  SELECT p.polrelid, p.polname, pg_get_expr(p.polqual, p.polrelid) AS condition FROM pg_policy p
   WHERE NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}' AND p.polwithcheck IS NULL
), granted AS (
  SELECT c.oid, g.grantee FROM t c, aclexplode(c.relacl) g
  UNION SELECT a.attrelid, g.grantee FROM pg_attribute a JOIN t c ON c.oid = a.attrelid, aclexplode(a.attacl) g
), private AS (
  SELECT n.nspname AS what, g.grantee FROM pg_namespace n, aclexplode(n.nspacl) g
   WHERE n.nspname = 'gs_priv' AND g.grantee <> n.nspowner
  UNION SELECT c.relname, g.grantee FROM pg_class c, aclexplode(c.relacl) g
   WHERE c.relnamespace = to_regnamespace('gs_priv') AND g.grantee <> c.relowner
  UNION SELECT c.relname, g.grantee FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) g
   WHERE c.relnamespace = to_regnamespace('gs_priv') AND g.grantee <> c.relowner
), belongs AS (
  SELECT r.rolname AS role, l.rolname AS member, m.inherit_option, m.set_option, m.admin_option FROM pg_auth_members m
    JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles l ON l.oid = m.member
), login_profile AS (
  SELECT * FROM belongs WHERE member = current_database()
), profile_group AS (
  SELECT * FROM belongs WHERE member IN (SELECT role FROM login_profile)
), ours AS (
  SELECT r.* FROM pg_roles r WHERE r.rolname IN ('gs_owner', 'gs_definer', 'gs_elevated', current_database())
     OR r.rolname IN (SELECT role FROM login_profile) OR r.rolname IN (SELECT role FROM profile_group)
)
SELECT relname || ' is not a plain table, so no policy of its own protects it' FROM t WHERE relkind NOT IN ('r', 'p')
UNION ALL SELECT relname || ' has row security off' FROM t WHERE NOT relrowsecurity AND relkind IN ('r', 'p')
UNION ALL SELECT relname || ' does not force row security on its owner' FROM t
  WHERE NOT relforcerowsecurity AND relkind IN ('r', 'p')
UNION ALL SELECT relname || ' does not belong to gs_owner' FROM t WHERE relowner <> 'gs_owner'::regrole
UNION ALL SELECT relname || ' lacks the policy gs_signed' FROM t WHERE oid NOT IN (
  SELECT polrelid FROM everywhere WHERE polname = 'gs_signed'
     AND condition = '(( SELECT NULLIF(gs.signed(gs.planned_as()), false) AS "nullif") IS NOT NULL)')
UNION ALL SELECT relname || ' lacks the policy gs_link' FROM t WHERE oid NOT IN (
  SELECT polrelid FROM everywhere WHERE polname = 'gs_link' AND condition ~ (
    '^\(\(\( SELECT NULLIF\(gs\.unlimited\(\), false\) AS "nullif"\) IS NOT NULL\)'
    || ' OR gs\.within\(''' || relname || '''::text, (id|NULL::bigint)\)\)$'))
UNION ALL SELECT relname || ' is granted to ' || grantee::regrole || ' without a policy for it'
  FROM granted JOIN t USING (oid) WHERE grantee NOT IN (0, t.relowner) AND NOT EXISTS (
    SELECT FROM pg_policy p WHERE p.polrelid = granted.oid AND p.polpermissive AND granted.grantee = ANY (p.polroles))
UNION ALL SELECT relname || ' is granted to everybody' FROM granted JOIN t USING (oid) WHERE grantee = 0
UNION ALL SELECT relname || ' has a rule that rewrites statements' FROM t JOIN pg_rewrite w ON w.ev_class = t.oid
  WHERE relkind IN ('r', 'p')
UNION ALL SELECT relname || ' has a trigger that is switched off' FROM t JOIN pg_trigger g ON g.tgrelid = t.oid
  WHERE g.tgenabled <> 'O'
UNION ALL SELECT 'the private side: ' || what || ' is granted to '
    || CASE grantee WHEN 0 THEN 'everybody' ELSE grantee::regrole::text END FROM private
UNION ALL SELECT p.oid::regprocedure || ' runs with the rights of its owner' FROM pg_proc p
  WHERE p.prosecdef AND p.pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'gs', 'gs_priv')
UNION ALL SELECT p.oid::regprocedure || ' runs with rights of its owner and the search_path of its caller' FROM pg_proc p
  WHERE p.prosecdef AND p.pronamespace::regnamespace::text IN ('gs', 'gs_priv')
    AND (p.proconfig IS NULL OR p.proconfig <> '{"search_path=pg_catalog, pg_temp"}')
UNION ALL SELECT 'there is an event trigger ' || evtname FROM pg_event_trigger
UNION ALL SELECT role || ' is not the profile of its groups' FROM login_profile l
  WHERE role <> coalesce((SELECT 'p_' || left(encode(sha256(convert_to(
      string_agg(g.role::text, ',' ORDER BY g.role::text COLLATE "C"), 'UTF8')), 'hex'), 40)
    FROM profile_group g WHERE g.member = l.role), '') OR inherit_option OR admin_option
UNION ALL SELECT member || ' may act as ' || role || ' itself' FROM profile_group WHERE set_option OR admin_option
UNION ALL SELECT member || ' is a member of ' || role FROM belongs
  WHERE member IN ('gs_owner', 'gs_definer', 'gs_elevated') OR role IN ('gs_owner', 'gs_definer', current_database())
     OR member IN (SELECT role FROM profile_group)
UNION ALL SELECT rolname || ' has more than such a role needs' FROM ours
  WHERE rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication
     OR rolcanlogin <> (rolname = current_database())
UNION ALL SELECT 'backtrace_functions is no longer a parameter of superusers' FROM pg_settings
  WHERE name = 'backtrace_functions' AND context <> 'superuser'
UNION ALL SELECT 'the parameter ' || parname || ' may be set by '
    || CASE g.grantee WHEN 0 THEN 'everybody' ELSE g.grantee::regrole::text END
  FROM pg_parameter_acl, aclexplode(paracl) g
  WHERE g.grantee <> 10 AND NOT (parname = 'backtrace_functions' AND g.grantee = 'gs_definer'::regrole
    AND g.privilege_type = 'SET' AND NOT g.is_grantable)
UNION ALL SELECT 'this database grants ' || g.privilege_type || ' to '
    || CASE g.grantee WHEN 0 THEN 'everybody' ELSE g.grantee::regrole::text END
  FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g
  WHERE d.datname = current_database() AND g.grantee <> d.datdba
    AND NOT (g.grantee <> 0 AND g.grantee::regrole::text = d.datname AND g.privilege_type = 'CONNECT')
UNION ALL SELECT 'the login of this database may reach ' || d.datname FROM pg_database d, aclexplode(d.datacl) g
  WHERE d.datname <> current_database() AND g.grantee <> 0 AND g.grantee::regrole::text = current_database()
UNION ALL SELECT 'the settings of ' || CASE s.setrole WHEN 0 THEN 'this database' ELSE s.setrole::regrole::text END
    || ' were changed: ' || array_to_string(s.setconfig, ', ')
  FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole
  WHERE (s.setrole = 0 OR r.rolname = current_database())
    AND (s.setdatabase = 0 OR s.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND NOT (r.rolname = current_database() AND s.setdatabase = 0 AND s.setconfig = ARRAY['statement_timeout=60s',
      'transaction_timeout=300s', 'idle_in_transaction_session_timeout=60s', 'search_path=public'])
ORDER BY 1
