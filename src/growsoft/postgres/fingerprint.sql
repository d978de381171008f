-- Everything that protects a database, one fact a line; no object ids, no name of the database.
SELECT line FROM (
  SELECT concat_ws(' ', 'table', c.relnamespace::regnamespace, c.relname, c.relkind, c.relrowsecurity,
      c.relforcerowsecurity, c.relowner::regrole, c.reloptions)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^(pg_|information_schema$)'
  UNION ALL SELECT concat_ws(' ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive,
      (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ',' ORDER BY r::regrole::text)
         FROM unnest(p.polroles) r),
      pg_get_expr(p.polqual, p.polrelid), '|', pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p
  UNION ALL SELECT concat_ws(' ', 'grant', c.relnamespace::regnamespace, c.relname, g.grantee::regrole, g.privilege_type,
      g.is_grantable)
    FROM pg_class c, aclexplode(c.relacl) g WHERE g.grantee <> c.relowner
  UNION ALL SELECT concat_ws(' ', 'column', c.relnamespace::regnamespace, c.relname, a.attname, g.grantee::regrole,
      g.privilege_type, g.is_grantable)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid, aclexplode(a.attacl) g
  UNION ALL SELECT concat_ws(' ', 'rule', w.ev_class::regclass, w.rulename, pg_get_ruledef(w.oid)) FROM pg_rewrite w
    JOIN pg_class c ON c.oid = w.ev_class WHERE c.relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  UNION ALL SELECT concat_ws(' ', 'trigger', t.tgrelid::regclass, t.tgname, t.tgfoid::regproc, t.tgenabled, t.tgtype,
      encode(t.tgargs, 'hex'), t.tgoldtable, t.tgnewtable, t.tgattr, t.tgdeferrable, t.tgconstraint <> 0,
      pg_get_expr(t.tgqual, t.tgrelid)) FROM pg_trigger t WHERE NOT t.tgisinternal
  UNION ALL SELECT concat_ws(' ', 'function', p.oid::regprocedure, p.proowner::regrole,
      CASE p.prokind WHEN 'a' THEN 'aggregate' ELSE md5(pg_get_functiondef(p.oid)) END)
    FROM pg_proc p WHERE p.pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  UNION ALL SELECT concat_ws(' ', 'execute', p.oid::regprocedure, (
      SELECT string_agg(CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE g.grantee::regrole::text END, ',' ORDER BY g.grantee::regrole::text)
        FROM aclexplode(p.proacl) g WHERE g.grantee <> p.proowner))
    FROM pg_proc p WHERE p.proacl IS NOT NULL
  UNION ALL SELECT concat_ws(' ', 'system', p.oid::regprocedure, p.proleakproof, p.prosecdef, p.proconfig)
    FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
     AND (p.proleakproof OR p.prosecdef OR p.proconfig IS NOT NULL)
  UNION ALL SELECT concat_ws(' ', 'operator', o.oid::regoperator, o.oprcode, o.oprrest, o.oprjoin)
    FROM pg_operator o WHERE o.oprnamespace <> 'pg_catalog'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'index operator', f.opfname, a.amopstrategy, a.amopopr::regoperator)
    FROM pg_opfamily f JOIN pg_amop a ON a.amopfamily = f.oid WHERE f.opfnamespace <> 'pg_catalog'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'index function', f.opfname, a.amprocnum, a.amproc::regprocedure)
    FROM pg_opfamily f JOIN pg_amproc a ON a.amprocfamily = f.oid WHERE f.opfnamespace <> 'pg_catalog'::regnamespace
  UNION ALL SELECT concat_ws(' ', 'cast', c.castsource::regtype, c.casttarget::regtype, c.castfunc::regprocedure)
    FROM pg_cast c WHERE c.oid >= 16384
  UNION ALL SELECT concat_ws(' ', 'domain', c.contypid::regtype, c.conname, pg_get_constraintdef(c.oid))
    FROM pg_constraint c WHERE c.contypid::regtype::text ~ '^gs\.'
  UNION ALL SELECT concat_ws(' ', 'schema', n.nspname, n.nspowner::regrole, g.grantee::regrole, g.privilege_type)
    FROM pg_namespace n LEFT JOIN aclexplode(n.nspacl) g ON true
   WHERE n.nspname !~ '^pg_(toast|temp)' AND n.nspname <> 'information_schema'
  UNION ALL SELECT concat_ws(' ', 'default', d.defaclrole::regrole, d.defaclobjtype, g.grantee::regrole, g.privilege_type)
    FROM pg_default_acl d LEFT JOIN aclexplode(d.defaclacl) g ON true
   WHERE d.defaclrole IN (10, 'gs_owner'::regrole, 'gs_definer'::regrole) -- others own nothing and make nothing
  UNION ALL SELECT concat_ws(' ', 'language', l.lanname, g.grantee::regrole, g.privilege_type)
    FROM pg_language l LEFT JOIN aclexplode(l.lanacl) g ON true
  UNION ALL SELECT concat_ws(' ', 'extension', e.extname) FROM pg_extension e
  UNION ALL SELECT concat_ws(' ', 'foreign server', s.srvname) FROM pg_foreign_server s
) AS x(line) ORDER BY line COLLATE "C"
