"""The mutants: what is taken out of the product, and the tests that must miss it.

`before` stands in the file exactly once; when the code changes, so does its mutant. A mutant belongs here when its
defect would let somebody see, change, forge or lose something and nothing else would say so.
"""

from dataclasses import dataclass
from typing import Final

_POSTGRES: Final = "src/growsoft/postgres/"
_WALL: Final = "tests/security/test_sw7_raw_sql_wall.py"
_FORGED: Final = "tests/security/test_sw7_forged_context.py"
_LEFT: Final = "tests/security/test_sw7_leftovers.py"
_CHECK: Final = "tests/integration/postgres/test_check.py"
_WITHIN: Final = "tests/integration/postgres/test_within.py"
_SIGN_IN: Final = "tests/integration/postgres/test_credentials.py"
_ACCOUNTS: Final = "tests/integration/postgres/test_accounts.py"
_DB2: Final = "tests/security/test_db2_other_databases.py"
_HISTORY: Final = "tests/integration/orm/test_history.py"
_FOLLOWING: Final = "tests/integration/orm_files/test_following.py"
_ORACLE: Final = "tests/security/test_sw7_oracle.py"
_OVERLAY: Final = "tests/integration/keeper/test_overlay.py"
_REMOTE: Final = "tests/integration/web/test_sw4_remote_calls.py"
_ORM: Final = "src/growsoft/orm/"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One defect: `before` becomes `after` in a file; `tests` are pytest's arguments, and at least one must fail."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]

    def planted(self, text: str) -> str:
        """Give the file's text with the defect; raises `LookupError` when the code is not what the mutant thinks."""
        if text.count(self.before) != 1:
            raise LookupError(f"{self.file} has the code of the mutant {self.name!r} {text.count(self.before)} times")
        return text.replace(self.before, self.after)


MUTANTS: Final = (
    Mutant(
        "signed policy lets everybody pass", _POSTGRES + "policies.py",
        "nullif(gs.signed(gs.planned_as()), false)", "nullif(true, false)",
        (_WALL, "-k", "boss"),
    ),
    Mutant(
        "signed policy does not know who planned", _POSTGRES + "policies.py",
        "gs.signed(gs.planned_as())", "gs.signed(current_user)",
        (_WALL, "-k", "plan_of_the_boss"),
    ),
    Mutant(
        "link policy takes no context for no link", _POSTGRES + "context.sql",
        "RETURN pg_catalog.current_setting('backtrace_functions') <> '' AND gs.ctx(6) || gs.ctx(7) = '';",
        "RETURN gs.ctx(6) || gs.ctx(7) = '';",
        (_WALL, "-k", "opens_no_link"),
    ),
    Mutant(
        "columns are granted as whole tables", _POSTGRES + "policies.py",
        'sql("{verb} ({columns})", verb=verb, columns=idents(columns))', "verb",
        (_WALL, "-k", "restricted_column"),
    ),
    Mutant(
        "row security is not forced", _POSTGRES + "policies.py",
        'yield sql("ALTER TABLE {t} FORCE ROW LEVEL SECURITY", t=name)', "",
        ("tests/integration/postgres/test_notes.py",),
    ),
    Mutant(
        "connections are not cleaned at check-in", _POSTGRES + "connection.py",
        "RESET SESSION AUTHORIZATION; SET ROLE NONE; CLOSE ALL; RESET ALL; UNLISTEN *; ", "",
        (_LEFT, "-k", "gone_for_the_next_user"),
    ),
    Mutant(
        "connections that are not clean serve on", _POSTGRES + "connection.py",
        "return cursor.fetchone() == (True,)", "return True",
        (_LEFT, "-k", "exchanged_text_does_not_reach_the_next_user"),
    ),
    Mutant(
        "prepared text reaches elevated code", _POSTGRES + "context.sql",
        "IF (elevated OR gs.ctx(1) <> '')", "IF false",
        (_LEFT, "-k", "elevated_code"),
    ),
    Mutant(
        "signatures are not compared", _POSTGRES + "context.sql",
        "IF NOT FOUND OR sha256(sha256(k.outer_pad", "IF NOT FOUND OR false AND sha256(sha256(k.outer_pad",
        (_FORGED, "-k", "single_value"),
    ),
    Mutant(
        "signatures do not end", _POSTGRES + "context.sql",
        "OR expiry < extract(epoch FROM clock_timestamp()) * 1000000", "",
        (_FORGED, "-k", "next_seconds"),
    ),
    Mutant(
        "values run into their neighbours", _POSTGRES + "context.sql",
        "IF entry !~ '^[a-z0-9_]+,[0-9]+,[0-9]+,[01],[0-9_]*,[a-z0-9_ ]*,([a-z0-9_]+ [0-9]+)?$' THEN", "IF false THEN",
        (_FORGED, "-k", "neighbours"),
    ),
    Mutant(
        "a bare login stays elevated", _POSTGRES + "transaction.py",
        "self._run(_LEAVE, None)", "pass",
        (_WITHIN, "-k", "bare_login"),
    ),
    Mutant(
        "leaving an elevation keeps it", _POSTGRES + "transaction.py",
        "        finally:\n            self._re_enter(before)", "        finally:\n            pass",
        (_WITHIN, "-k", "comes_back"),
    ),
    Mutant(
        "a lost transaction looks saved", _POSTGRES + "transaction.py",
        'if self._run("COMMIT", None).statusmessage != "COMMIT":', 'if not self._run("COMMIT", None).statusmessage:',
        ("tests/integration/postgres/test_transaction.py", "-k", "looks_like_success"),
    ),
    Mutant(
        "text may be built", _POSTGRES + "sql.py",
        "if not isinstance(text, str) or not any(constant is text for constant in frame.f_code.co_consts):",
        "if not isinstance(text, str):",
        ("tests/unit/postgres/test_sql.py", "-k", "built or proven"),
    ),
    Mutant(
        "one more connection than the cap", _POSTGRES + "pool.py",
        "if self._open < self._cap:", "if self._open <= self._cap:",
        ("tests/integration/postgres/test_pool.py", "-k", "cap or waits"),
    ),
    Mutant(
        "attempts are not counted", _POSTGRES + "credentials.sql",
        "IF t.failures > allowed AND t.blocked_until IS NULL THEN", "IF false THEN",
        (_SIGN_IN, "-k", "eight_connections"),
    ),
    Mutant(
        "a session outlives the password", _POSTGRES + "credentials.sql",
        "SELECT hash, of_user, of_kind, version, by_link",
        "SELECT hash, of_user, of_kind, (SELECT a.credential_version FROM gs_priv.account a WHERE a.user_id = of_user),"
        " by_link",
        (_SIGN_IN, "-k", "came_in_between"),
    ),
    Mutant(
        "sessions of a deactivated user come back", _POSTGRES + "accounts.sql",
        "IF NOT (n ->> TG_ARGV[1])::boolean THEN", "IF false THEN",
        (_SIGN_IN, "-k", "deactivated"),
    ),
    Mutant(
        "crossing changes keep rights", _POSTGRES + "accounts.sql",
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE m.value <> excluded.value $$;",
        "ON CONFLICT (key) DO NOTHING $$;",
        (_ACCOUNTS, "-k", "cross"),
    ),
    Mutant(
        "a moved membership is kept", _POSTGRES + "accounts.sql",
        "IF old_left <> new_left THEN", "IF false THEN",
        (_ACCOUNTS, "-k", "moved"),
    ),
    Mutant(
        "the start-up check is content", _POSTGRES + "check.py",
        "return connection.run(_PROBLEMS).column(str)", "return []",
        (_CHECK, "-k", "force or signed"),
    ),
    Mutant(
        "the fingerprint forgets functions", _POSTGRES + "fingerprint.sql",
        "'aggregate' ELSE md5(pg_get_functiondef(p.oid)) END", "'aggregate' ELSE '' END",
        (_CHECK, "-k", "body"),
    ),
    Mutant(
        "everybody may ask for every database", _POSTGRES + "parameters.py",
        '"local     samerole     all                             scram-sha-256",',
        '"local     all          all                             scram-sha-256",',
        (_DB2, "-k", "login_rules_alone"),
    ),
    Mutant(
        "a new database is open to everybody", _POSTGRES + "provision.py",
        'cluster.run(sql("REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=ident(name)))', "del cluster, name",
        (_DB2, "-k", "missing_right_alone"),
    ),
    Mutant(
        "a copy keeps its parent's key", _POSTGRES + "provision.py",
        'connection.run(sql("DELETE FROM gs_priv.signing_key"))', "pass",
        ("tests/integration/postgres/test_provision.py", "-k", "living_database"),
    ),
    Mutant(
        "copies are not read back", "src/growsoft_cloud/backup/copies.py",
        "if (found.bytes, found.sha256) != (stored.bytes, stored.sha256):", "if False:",
        ("tests/unit/backup/test_copies.py",),
    ),
    Mutant(
        "an upload counts as a copy", "src/growsoft_cloud/backup/copies.py",
        "            paced.write(chunk)\n    prove(target, stored)", "            paced.write(chunk)",
        ("tests/unit/backup/test_copies.py",),
    ),
    Mutant(
        "the history shows every field", _POSTGRES + "audit.sql",
        "ELSE gs.shown(a.table_name, a.relation, a.details) END", "ELSE a.details END",
        (_HISTORY, "-k", "other_groups"),
    ),
    Mutant(
        "the history shows every record", _POSTGRES + "audit.sql",
        "AND (gs.elevated() OR gs.sees(a.table_name, a.record_id))", "",
        (_HISTORY, "-k", "does_not_see_a_record"),
    ),
    Mutant(
        "changes are kept without a name", _POSTGRES + "audit.sql",
        "    IF NOT (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = session_user) THEN",
        "    IF false THEN",
        ("tests/security/test_st2_history.py", "-k", "as_nobody"),
    ),
    Mutant(
        "a file is changed by whoever reads its record", _ORM + "conditions.py",
        'where = join(" AND ", [sql("{f}.id = {record}", f=_FOLLOWED, record=record), *conditions])',
        'where = sql("{f}.id = {record}", f=_FOLLOWED, record=record)',
        (_FOLLOWING, "-k", "only_who_may_change"),
    ),
    Mutant(
        "a file of no record is everybody's", _ORM + "conditions.py",
        "AND {row}.create_uid = (SELECT gs.user_id())", "AND {row}.create_uid <> 0",
        (_FOLLOWING, "-k", "makers_alone"),
    ),
    Mutant(
        "links are seen from their near end", _ORM + "linking.py",
        'return "ruled" if rules else "open"', 'return "open"',
        (_ORACLE, "-k", "without_defects"),
    ),
    Mutant(
        "links are changed by whoever sees the record", _ORM + "declare.py",
        'where = join(" AND ", [sql("o__.id = {rel}.source_id", rel=ident(relation)), *conditions])',
        'where = sql("o__.id = {rel}.source_id", rel=ident(relation))',
        (_ORACLE, "-k", "without_defects"),
    ),
    Mutant(
        "companies below are the company itself", _ORM + "compile.py",
        "return in_tree(column, way, tree.table, tree.parent_name, ids)",
        'return sql("{c} = ANY ({ids})", c=column, ids=ids)',
        (_ORACLE, "-k", "without_defects"),
    ),
    Mutant(
        "a user's job runs elevated", "src/growsoft/jobs/running.py",
        "if by_itself and options.elevated:", "if options.elevated:",
        ("tests/security/test_sw7_jobs.py", "-k", "elevated"),
    ),
    Mutant(
        "a job runs for somebody who left", "src/growsoft/jobs/running.py",
        "if not user or not active or not profile:", "if not user:",
        ("tests/integration/jobs/test_queue.py", "-k", "has_by_now"),
    ),
    Mutant(
        "elevated code declares fields", _POSTGRES + "overlay.sql",
        "IF gs.elevated() OR gs.user_id() IS NULL OR NOT pg_has_role(gs.ctx(1)::name, 'g_base_admin', 'USAGE') THEN",
        "IF false THEN",
        (_OVERLAY, "-k", "nobody_but"),
    ),
    Mutant(
        "a field that was added is for everybody", _ORM + "overlaying.py",
        '"groups": custom.groups', '"groups": ()',
        (_OVERLAY, "-k", "for_a_group"),
    ),
    Mutant(
        "readers of a model that was added write it", _ORM + "overlay.py",
        'dict.fromkeys(readers, ("read",))', "dict.fromkeys(readers, VERBS)",
        (_OVERLAY, "-k", "a_model_that"),
    ),
    Mutant(
        "the keeper believes what was declared", _ORM + "overlay.py",
        "    _refuse(\n        _NAME.match(text) is None,", "    _refuse(\n        False,",
        (_OVERLAY, "-k", "try_to_be_more"),
    ),
    Mutant(
        "a translated column takes anything", _POSTGRES + "languages.sql",
        "RETURN pg_catalog.jsonb_typeof(value) = 'object' AND", "RETURN true OR",
        ("tests/integration/orm/test_translated.py", "-k", "raw_sql"),
    ),
    Mutant(
        "every method answers callers", "src/growsoft/web/odoo/calls.py",
        "if self.method not in info.public:", "if not hasattr(info.cls, self.method):",
        (_REMOTE, "-k", "reachable"),
    ),
    Mutant(
        "private methods answer callers", "src/growsoft/web/odoo/calls.py",
        'if self.method.startswith("_"):', "if False:",
        (_REMOTE, "-k", "private_names"),
    ),
    Mutant(
        "a method is called on hidden records", "src/growsoft/web/odoo/calls.py",
        "if records and len(records.exists()) < len(records):", "if False:",
        (_REMOTE, "-k", "rights_of_its_caller"),
    ),
    Mutant(
        "commands reach lines of other records", _ORM + "commands.py",
        "raise AccessError  # a line of another record, or none at all: the answer does not tell which", "pass",
        ("tests/integration/orm/test_links.py", "-k", "reach_lines"),
    ),
    Mutant(
        "a link leads to what its writer does not see", _ORM + "commands.py",
        "    statements.refuse_unseen(env, field, [target for _source, target in pairs])\n", "",
        ("tests/integration/orm/test_links.py", "-k", "cannot_be_linked"),
    ),
    Mutant(
        "an old token outlives the password", "src/growsoft/auth/passwords.py",
        "        transaction.execute(rotate)\n    return token", "    return door.token_hash.hex()",
        ("tests/security/web/test_sessions.py", "-k", "new_password"),
    ),
    Mutant(
        "a session is moved by anybody", _POSTGRES + "credentials.sql",
        "WHERE token_hash = this_session AND user_id = gs.user_id();", "WHERE token_hash = this_session;",
        ("tests/security/web/test_sessions.py", "-k", "moved_by"),
    ),
    Mutant(
        "everybody is told who may do what", "src/growsoft/web/pages/access.py",
        "if not may_ask(visit.env):", "if False:",
        ("tests/integration/web/test_access.py", "-k", "nobody_else"),
    ),
)  # fmt: skip
