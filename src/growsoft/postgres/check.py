"""The start-up check: a database whose walls are not what the registry generates is not served."""

from hashlib import sha256
from typing import Final, Protocol

from growsoft.errors import GrowsoftError
from growsoft.postgres.policies import LINK_POLICY, SIGNED_POLICY
from growsoft.postgres.sql import Sql, sql
from growsoft.postgres.transaction import Result


class DatabaseUnprotected(GrowsoftError):
    """This database is not served, because its protection is not complete; the log names what is missing."""


class Runs(Protocol):
    """A connection that runs a statement: the superuser's or an open transaction's."""

    def run(self, query: Sql) -> Result:
        """Run it."""
        ...


def problems(connection: Runs) -> list[str]:
    """Find what makes a database unsafe, in sentences; needs no rights beyond reading the catalogues."""
    found = connection.run(_PROBLEMS.rebind((SIGNED_POLICY, SIGNED_POLICY, LINK_POLICY, LINK_POLICY)))
    return [sentence for (sentence,) in found.all()]


def fingerprint(connection: Runs) -> str:
    """Give one SHA-256 of policies, grants, marks, functions, triggers and rights of a database.

    It does not depend on object ids nor on the name of the database, so every database of one set of apps has the
    same, whether it was made from the template or restored into a fresh cluster.
    """
    lines = [line for (line,) in connection.run(_FINGERPRINT).all()]
    return sha256("\n".join(lines).encode()).hexdigest()


def refuse_unprotected(connection: Runs, expected: str) -> None:
    """Raise ``DatabaseUnprotected`` unless there are no problems and the fingerprint is the expected one."""
    found = problems(connection)
    if not found and fingerprint(connection) != expected:
        found = ["policies, grants, marks, functions or rights differ from what the installed apps declare"]
    if found:
        raise DatabaseUnprotected(f"{DatabaseUnprotected.default_message()} {'; '.join(found)}")


_PROBLEMS: Final = sql(
    """
    WITH t AS (
      SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relkind, c.relowner, c.relacl
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('r', 'p', 'm', 'v', 'f')
         AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'gs_priv') AND n.nspname !~ '^pg_(toast|temp)'
         AND c.oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e')
    ), signed AS (
      SELECT p.polrelid, p.polname FROM pg_policy p
       WHERE NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{{0}}'
    ), granted AS (
      SELECT c.oid, g.grantee FROM t c, aclexplode(c.relacl) g
      UNION SELECT a.attrelid, g.grantee FROM pg_attribute a JOIN t c ON c.oid = a.attrelid, aclexplode(a.attacl) g
    )
    SELECT relname || ' is not a plain table, so no policy of its own protects it' FROM t
      WHERE relkind NOT IN ('r', 'p')
    UNION ALL SELECT relname || ' has row security off' FROM t WHERE NOT relrowsecurity AND relkind IN ('r', 'p')
    UNION ALL SELECT relname || ' does not force row security on its owner' FROM t
      WHERE NOT relforcerowsecurity AND relkind IN ('r', 'p')
    UNION ALL SELECT relname || ' does not belong to gs_owner' FROM t WHERE relowner <> 'gs_owner'::regrole
    UNION ALL SELECT relname || ' lacks the policy ' || {signed_name} FROM t WHERE oid NOT IN (
      SELECT s.polrelid FROM signed s JOIN pg_policy p USING (polrelid, polname) WHERE s.polname = {signed}
         AND pg_get_expr(p.polqual, p.polrelid) ~ 'gs\\.ctx\\(1\\) = \\(?CURRENT_USER' AND p.polwithcheck IS NULL)
    UNION ALL SELECT relname || ' lacks the policy ' || {link_name} FROM t WHERE oid NOT IN (
      SELECT polrelid FROM signed WHERE polname = {link})
    UNION ALL SELECT DISTINCT t.relname || ' is granted to ' || grantee::regrole || ' without a policy for it'
      FROM granted JOIN t USING (oid) WHERE grantee NOT IN (0, t.relowner) AND NOT EXISTS (
        SELECT FROM pg_policy p
         WHERE p.polrelid = granted.oid AND p.polpermissive AND granted.grantee = ANY (p.polroles))
    UNION ALL SELECT relname || ' is granted to everybody' FROM granted JOIN t USING (oid) WHERE grantee = 0
    UNION ALL SELECT p.rolname || ' is not the profile of its groups' FROM pg_roles p
      JOIN pg_auth_members m ON m.roleid = p.oid JOIN pg_roles l ON l.oid = m.member AND l.rolname = current_database()
      WHERE p.rolname <> coalesce((SELECT 'p_' || left(encode(sha256(convert_to(
        string_agg(g.rolname::text, ',' ORDER BY g.rolname::text COLLATE "C"), 'UTF8')), 'hex'), 40)
        FROM pg_auth_members x JOIN pg_roles g ON g.oid = x.roleid WHERE x.member = p.oid), '')
         OR m.inherit_option OR m.admin_option OR p.rolcanlogin OR p.rolsuper OR p.rolbypassrls
    UNION ALL SELECT 'the login of this database has more than a login needs' FROM pg_roles
      WHERE rolname = current_database()
        AND (rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)
    UNION ALL SELECT 'backtrace_functions is no longer a parameter of superusers' FROM pg_settings
      WHERE name = 'backtrace_functions' AND context <> 'superuser'
    UNION ALL SELECT 'the context parameter may be set by ' || g.grantee::regrole FROM pg_parameter_acl,
      aclexplode(paracl) g WHERE parname = 'backtrace_functions'
        AND g.grantee NOT IN ('gs_definer'::regrole, 10)
    UNION ALL SELECT 'this database grants ' || g.privilege_type || ' to ' ||
      CASE g.grantee WHEN 0 THEN 'everybody' ELSE g.grantee::regrole::text END
      FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g
      WHERE d.datname = current_database() AND g.grantee <> d.datdba
        AND NOT (g.grantee <> 0 AND g.grantee::regrole::text = d.datname AND g.privilege_type = 'CONNECT')
    ORDER BY 1
    """,
    signed_name="", signed="", link_name="", link="",
)  # fmt: skip

_FINGERPRINT: Final = sql(
    """
    SELECT line FROM (
      SELECT concat_ws(' ', 'table', c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relowner::regrole)
        FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      UNION ALL SELECT concat_ws(' ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive,
          (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC' ELSE r::regrole::text END, ',' ORDER BY r::regrole::text)
             FROM unnest(p.polroles) r),
          pg_get_expr(p.polqual, p.polrelid), '|', pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p
      UNION ALL SELECT concat_ws(' ', 'grant', c.relname, g.grantee::regrole, g.privilege_type, g.is_grantable)
        FROM pg_class c, aclexplode(c.relacl) g
       WHERE c.relnamespace IN ('public'::regnamespace, 'gs_priv'::regnamespace)
      UNION ALL SELECT concat_ws(' ', 'column', c.relname, a.attname, g.grantee::regrole, g.privilege_type,
          g.is_grantable)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid, aclexplode(a.attacl) g
       WHERE c.relnamespace IN ('public'::regnamespace, 'gs_priv'::regnamespace)
      UNION ALL SELECT concat_ws(' ', 'function', p.oid::regprocedure, p.proowner::regrole, p.prosecdef, p.proleakproof,
          p.provolatile, p.proconfig, md5(p.prosrc))
        FROM pg_proc p WHERE p.pronamespace IN ('gs'::regnamespace, 'gs_priv'::regnamespace, 'public'::regnamespace)
      UNION ALL SELECT concat_ws(' ', 'execute', p.oid::regprocedure, g.grantee, g.privilege_type)
        FROM pg_proc p, aclexplode(p.proacl) g
       WHERE p.pronamespace IN ('gs'::regnamespace, 'gs_priv'::regnamespace) AND g.grantee = 0
      UNION ALL SELECT concat_ws(' ', 'closed', p.oid::regprocedure) FROM pg_proc p
       WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proacl IS NOT NULL
         AND NOT EXISTS (SELECT FROM aclexplode(p.proacl) g WHERE g.grantee = 0)
      UNION ALL SELECT concat_ws(' ', 'leakproof', p.oid::regprocedure) FROM pg_proc p
       WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proleakproof
      UNION ALL SELECT concat_ws(' ', 'trigger', t.tgrelid::regclass, t.tgname, t.tgfoid::regproc, t.tgenabled,
          t.tgtype, encode(t.tgargs, 'hex')) FROM pg_trigger t WHERE NOT t.tgisinternal
      UNION ALL SELECT concat_ws(' ', 'schema', n.nspname, n.nspowner::regrole, g.grantee::regrole, g.privilege_type)
        FROM pg_namespace n LEFT JOIN aclexplode(n.nspacl) g ON true
       WHERE n.nspname !~ '^pg_(toast|temp)' AND n.nspname <> 'information_schema'
      UNION ALL SELECT concat_ws(' ', 'language', l.lanname, g.grantee::regrole, g.privilege_type)
        FROM pg_language l, aclexplode(l.lanacl) g
    ) AS x(line) ORDER BY line COLLATE "C"
    """
)
