-- The private side of one database: who somebody is, and the doors that prove it.
-- gs_priv holds keys, accounts, verifiers, sessions, links, throttle and audit: no grant to anybody, reached only
-- through the SECURITY DEFINER functions of schema gs. Both belong to gs_definer.
CREATE SCHEMA gs AUTHORIZATION gs_definer;
CREATE SCHEMA gs_priv AUTHORIZATION gs_definer;
GRANT USAGE ON SCHEMA gs TO PUBLIC;
SET ROLE gs_definer;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE gs_priv.meta (key text PRIMARY KEY, value text NOT NULL);
-- HMAC-SHA256 needs two padded keys; they are kept as such, so that a check costs two hashes.
CREATE TABLE gs_priv.signing_key (kid integer PRIMARY KEY, inner_pad bytea NOT NULL, outer_pad bytea NOT NULL);
CREATE TABLE gs_priv.setting (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  login_attempts integer NOT NULL DEFAULT 5 CHECK (login_attempts BETWEEN 1 AND 100),
  login_cooldown interval NOT NULL DEFAULT '60 s' CHECK (login_cooldown BETWEEN '1 s' AND '1 day'),
  network_attempts integer NOT NULL DEFAULT 50 CHECK (network_attempts BETWEEN 5 AND 10000),
  database_attempts integer NOT NULL DEFAULT 1000 CHECK (database_attempts BETWEEN 50 AND 1000000),
  minimum_rounds integer NOT NULL DEFAULT 600000 CHECK (minimum_rounds >= 220000),
  session_idle interval NOT NULL DEFAULT '8 h',
  session_absolute interval NOT NULL DEFAULT '7 d',
  decoy bytea NOT NULL DEFAULT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
);
INSERT INTO gs_priv.setting DEFAULT VALUES;

-- The definer does not see business rows: triggers mirror what a sign-in needs (accounts.sql).
CREATE TABLE gs_priv.account (
  user_id bigint PRIMARY KEY,
  login text NOT NULL,
  active boolean NOT NULL,
  companies bigint[] NOT NULL DEFAULT '{}', -- all that he may work in, his main one first
  main_company bigint,
  profile text NOT NULL DEFAULT '',
  credential_version integer NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX account_login ON gs_priv.account (lower(login));
CREATE TABLE gs_priv.group_role (
  group_id bigint PRIMARY KEY,
  role text NOT NULL UNIQUE CHECK (role ~ '^g_[a-z0-9_]{1,61}$')
);
CREATE TABLE gs_priv.membership (user_id bigint, group_id bigint, PRIMARY KEY (user_id, group_id));
CREATE TABLE gs_priv.implication (group_id bigint, implied_id bigint, PRIMARY KEY (group_id, implied_id));
CREATE TABLE gs_priv.user_company (user_id bigint, company_id bigint, PRIMARY KEY (user_id, company_id));
CREATE TABLE gs_priv.profile (name text PRIMARY KEY, roles text[] NOT NULL);

CREATE TABLE gs_priv.credential (
  user_id bigint PRIMARY KEY REFERENCES gs_priv.account ON DELETE CASCADE,
  salt bytea NOT NULL CHECK (octet_length(salt) >= 16),
  rounds integer NOT NULL CHECK (rounds >= 220000),
  verifier bytea NOT NULL CHECK (octet_length(verifier) = 32),
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE gs_priv.session (
  token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
  user_id bigint NOT NULL REFERENCES gs_priv.account ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('browser', 'api')),
  credential_version integer NOT NULL,
  via_link boolean NOT NULL DEFAULT false,
  actor bigint NOT NULL DEFAULT 0,
  scope text NOT NULL DEFAULT '' CHECK (scope ~ '^[a-z0-9_ ]*$'),
  record text NOT NULL DEFAULT '' CHECK (record ~ '^[a-z0-9_ ]*$'),
  network inet,
  user_agent text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX session_user_id ON gs_priv.session (user_id);
CREATE INDEX session_expires_at ON gs_priv.session (expires_at);
-- When a session was last used. Apart from it and without a foreign key: a request holds a lock on what it notes here
-- until it ends, and signing out must not wait for that.
CREATE TABLE gs_priv.session_seen (token_hash bytea PRIMARY KEY, at timestamptz NOT NULL);
CREATE TABLE gs_priv.link (
  token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
  user_id bigint NOT NULL REFERENCES gs_priv.account ON DELETE CASCADE,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX link_user_id ON gs_priv.link (user_id);
-- Unlogged: losing the counters in a crash costs an attacker's cooldown, logging them would cost every sign-in.
CREATE UNLOGGED TABLE gs_priv.throttle (
  bucket text PRIMARY KEY, failures integer NOT NULL, since timestamptz NOT NULL, blocked_until timestamptz,
  pending integer NOT NULL -- attempts that were counted and not yet made
);
CREATE TABLE gs_priv.known_device (
  user_id bigint REFERENCES gs_priv.account ON DELETE CASCADE, device bytea, seen timestamptz NOT NULL,
  PRIMARY KEY (user_id, device)
);
-- Reading the context. One text, set by gs_definer alone: profile,user,actor,elevated,companies,scope,record,
-- request,entry: the number of the request, and of the audited reason of elevated code.
-- STABLE, never IMMUTABLE: a cached plan would show one user's rows to another. The bodies are parsed here and now: a
-- body kept as text is parsed where it is inlined, with the operators of the caller's search_path.
CREATE FUNCTION gs.ctx(n integer) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.split_part(pg_catalog.current_setting('backtrace_functions'), ',', n);
CREATE FUNCTION gs.user_id() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(gs.ctx(2), '')::bigint;
CREATE FUNCTION gs.actor() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(gs.ctx(3), '')::bigint;
CREATE FUNCTION gs.elevated() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN gs.ctx(4) = '1';
CREATE FUNCTION gs.companies() RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE
RETURN ('{' || pg_catalog.replace(gs.ctx(5), '_', ',') || '}')::bigint[];
-- NULL without a context, and so no row: '' means that no link limits, and a context can be left within a statement.
CREATE FUNCTION gs.record() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN gs.ctx(1) <> '' THEN gs.ctx(7) END;
-- The role that a statement was planned for, and whose policies it therefore has. IMMUTABLE on purpose: the planner puts
-- the answer into the plan, and PostgreSQL plans anew for another role. current_user alone tells who runs the plan: a
-- cursor or a set_config() inside of the statement could plan as a manager and run as oneself.
CREATE FUNCTION gs.planned_as() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN current_user::text;
-- What the two policies of every table ask first. PostgreSQL writes these bodies into each plan and sets them up for each
-- statement, needed or not, so they are short: the context begins with the profile that was signed.
CREATE FUNCTION gs.signed(planned text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.starts_with(pg_catalog.current_setting('backtrace_functions'), planned || ',')
  AND planned = current_user;
CREATE FUNCTION gs.unlimited() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN pg_catalog.current_setting('backtrace_functions') <> '' AND gs.ctx(6) || gs.ctx(7) = '';
-- Whether a row is within the limits of a context that has some: the one record of a signed link, the tables of a scope
-- (a letter for how far it goes, then each table behind a blank; without one all of them). A body that is not written into
-- plans: hardly anybody comes with limits. COST 1, or planners would take it for the dearest part of every statement.
CREATE FUNCTION gs.within(relation text, row_id bigint) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE COST 1
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN gs.ctx(1) <> '' AND gs.record() IN ('', relation || ' ' || row_id)
    AND (position(' ' IN gs.ctx(6)) = 0 OR relation = ANY (string_to_array(gs.ctx(6), ' ')));
END $$;
GRANT EXECUTE ON FUNCTION gs.ctx(integer), gs.user_id(), gs.actor(), gs.elevated(), gs.companies(), gs.record(),
  gs.planned_as(), gs.signed(text), gs.unlimited(), gs.within(text, bigint) TO PUBLIC;

-- True when this connection may serve somebody else. SQL PREPARE is the one way in which injected SQL could leave text
-- behind that the driver would run later in another's name.
-- In PL/pgSQL, which keeps the plan for the connection: each request ends with it, and planning was most of its cost.
CREATE FUNCTION gs.clean() RETURNS boolean
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN NOT EXISTS (SELECT FROM pg_catalog.pg_prepared_statement() WHERE from_sql)
    AND pg_catalog.current_setting('backtrace_functions') = '' AND pg_catalog.current_setting('role') = 'none';
END $$;
GRANT EXECUTE ON FUNCTION gs.clean() TO PUBLIC;

-- Whoever enters goes on with the request that the transaction began with.
CREATE FUNCTION gs_priv.set_context(
  profile text, user_id bigint, actor bigint, elevated boolean, companies bigint[], scope text, record text,
  audited bigint DEFAULT 0
) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  entry text := concat_ws(',', profile, user_id::text, actor::text, CASE WHEN elevated THEN '1' ELSE '0' END,
    array_to_string(companies, '_'), scope, record);
BEGIN
  -- A second context in one transaction (sudo and back): text prepared by injected SQL must not run under it. Elevation
  -- is always looked at, because RESET ALL or COMMIT makes a second context look like a first one.
  IF (elevated OR gs.ctx(1) <> '')
     AND EXISTS (SELECT FROM pg_catalog.pg_prepared_statement() WHERE from_sql) THEN
    RAISE EXCEPTION 'SQL PREPARE was used on this connection' USING ERRCODE = 'invalid_password';
  END IF;
  -- A comma in one value would move those behind it.
  IF entry !~ '^[a-z0-9_]+,[0-9]+,[0-9]+,[01],[0-9_]*,[a-z0-9_ ]*,([a-z0-9_]+ [0-9]+)?$' THEN
    RAISE EXCEPTION 'a context is made of names and numbers' USING ERRCODE = 'invalid_password';
  END IF;
  PERFORM set_config('backtrace_functions', concat_ws(',', entry, gs.ctx(8), audited::text), true);
END $$;

-- The number by which a request is found again in the log and in the history. It proves nothing and opens nothing; the
-- first one of a transaction stays, so that what is injected later cannot pass for another request.
CREATE FUNCTION gs.correlate(request text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF gs.ctx(8) = '' AND request ~ '^[a-z0-9_]{1,40}$' THEN
    PERFORM set_config('backtrace_functions', concat_ws(',', gs.ctx(1), gs.ctx(2), gs.ctx(3), gs.ctx(4), gs.ctx(5),
      gs.ctx(6), gs.ctx(7), request, gs.ctx(9)), true);
  END IF;
  RETURN ''; -- a piece of the text of the door, so that one statement does both
END $$;
GRANT EXECUTE ON FUNCTION gs.correlate(text) TO PUBLIC;

-- Nobody again: how elevated code comes back to a transaction that had no user. Gives nothing, so anybody may.
CREATE FUNCTION gs.leave() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM set_config('backtrace_functions', '', true);
END $$;
GRANT EXECUTE ON FUNCTION gs.leave() TO PUBLIC;

-- The session door: one hash in, the profile out (set_config('role', ...) must be called outside of a definer). Of his
-- companies somebody may work in those he asks for, the first of them the current one; without a wish in all.
CREATE FUNCTION gs.enter_session(hash bytea, wanted bigint[] DEFAULT '{}') RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s record;
BEGIN
  SELECT x.token_hash, x.user_id, x.actor, x.scope, x.record, seen.at, a.companies, a.profile INTO s
    FROM gs_priv.session x JOIN gs_priv.account a USING (user_id) JOIN gs_priv.session_seen seen USING (token_hash),
         gs_priv.setting t
   WHERE x.token_hash = hash AND a.active AND a.profile <> '' AND x.credential_version = a.credential_version
     AND x.expires_at > clock_timestamp() AND seen.at + t.session_idle > clock_timestamp();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no such session' USING ERRCODE = 'invalid_authorization_specification';
  END IF;
  IF cardinality(wanted) > 0 THEN
    IF NOT wanted <@ s.companies OR cardinality(wanted) > cardinality(s.companies) THEN
      RAISE EXCEPTION 'not the companies of this user' USING ERRCODE = 'invalid_role_specification';
    END IF;
    s.companies := wanted;
  END IF;
  IF s.at < clock_timestamp() - interval '60 s' AND current_setting('transaction_read_only') = 'off' THEN
    BEGIN
      UPDATE gs_priv.session_seen SET at = clock_timestamp() WHERE token_hash = (
        SELECT x.token_hash FROM gs_priv.session_seen x WHERE x.token_hash = hash FOR UPDATE SKIP LOCKED);
    EXCEPTION WHEN serialization_failure THEN NULL; -- another request noted it just now
    END;
  END IF;
  IF s.scope LIKE 'r%' THEN
    -- For the whole transaction: PostgreSQL takes this back for nobody once something was read.
    PERFORM set_config('transaction_read_only', 'on', true);
  END IF;
  PERFORM gs_priv.set_context(s.profile, s.user_id, s.actor, false, s.companies, s.scope, s.record);
  RETURN s.profile;
END $$;
GRANT EXECUTE ON FUNCTION gs.enter_session(bytea, bigint[]) TO PUBLIC;

-- The signed door: jobs, command line, keys, links and sudo. The message is every value with its length in front;
-- it is bound to this backend, this login and this database, and is good for some seconds.
CREATE FUNCTION gs.enter(
  kid integer, profile text, user_id bigint, actor bigint, elevated boolean, companies bigint[], scope text,
  record text, reason text, caller text, expiry bigint, mac bytea
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  k record;
  part text;
  message text := '';
  audited bigint := 0;
BEGIN
  IF num_nulls(kid, profile, user_id, actor, elevated, companies, scope, record, reason, caller, expiry, mac) > 0
     OR array_position(companies, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'a context has no unknown values' USING ERRCODE = 'invalid_password';
  END IF;
  FOREACH part IN ARRAY ARRAY['gs1', pg_backend_pid()::text, session_user::text, current_database()::text, kid::text,
      profile, user_id::text, actor::text, CASE WHEN elevated THEN '1' ELSE '0' END, array_to_string(companies, '_'),
      scope, record, reason, caller, expiry::text] LOOP
    message := message || octet_length(part)::text || ':' || part;
  END LOOP;
  SELECT x.inner_pad, x.outer_pad INTO k FROM gs_priv.signing_key x WHERE x.kid = enter.kid;
  -- Hashed once more on both sides, so that the time of the comparison tells nothing about the right bytes.
  IF NOT FOUND OR sha256(sha256(k.outer_pad || sha256(k.inner_pad || convert_to(message, 'UTF8')))) <> sha256(mac)
     OR elevated AND reason = ''
     OR expiry < extract(epoch FROM clock_timestamp()) * 1000000
     OR expiry > extract(epoch FROM clock_timestamp()) * 1000000 + 15000000 THEN
    RAISE EXCEPTION 'this context is not signed' USING ERRCODE = 'invalid_password';
  END IF;
  IF elevated THEN
    INSERT INTO gs_priv.audit AS a (kind, user_id, actor, reason, caller)
    VALUES ('sudo', user_id, actor, reason, caller) RETURNING a.id INTO audited;
  END IF;
  PERFORM gs_priv.set_context(profile, user_id, actor, elevated, companies, scope, record, audited);
  -- Who signed may have known the companies of a moment ago. Elevated code works in those of whoever asked it.
  IF NOT elevated AND EXISTS (
      SELECT FROM gs_priv.account a WHERE a.user_id = enter.user_id AND NOT enter.companies <@ a.companies) THEN
    RAISE EXCEPTION 'not the companies of this user' USING ERRCODE = 'invalid_role_specification';
  END IF;
  RETURN profile;
END $$;
GRANT EXECUTE ON FUNCTION
  gs.enter(integer, text, bigint, bigint, boolean, bigint[], text, text, text, text, bigint, bytea) TO PUBLIC;

-- What an account is, for those who enter in its name by the signed door. Only the user himself and elevated code ask.
CREATE FUNCTION gs.account(of_user bigint, OUT profile text, OUT companies bigint[], OUT active boolean)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT gs.elevated() AND of_user IS DISTINCT FROM gs.user_id() THEN
    RAISE EXCEPTION 'not your account' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT a.profile, a.companies, a.active INTO account.profile, account.companies, account.active
    FROM gs_priv.account a WHERE a.user_id = of_user;
END $$;
GRANT EXECUTE ON FUNCTION gs.account(bigint) TO PUBLIC;
RESET ROLE;

-- Read by the definer alone: names and texts of prepared statements tell what others ask, and clean() must see them.
REVOKE ALL ON FUNCTION pg_catalog.pg_prepared_statement() FROM PUBLIC;
REVOKE ALL ON pg_catalog.pg_prepared_statements FROM PUBLIC;
GRANT EXECUTE ON FUNCTION pg_catalog.pg_prepared_statement() TO gs_definer;
