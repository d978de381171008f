-- Sign-in: throttle, verifier and session in one place that no worker can read (NIST SP 800-63B 5.1.1.2 and 5.2.2).
SET ROLE gs_definer;

-- Counts an attempt and says how long this bucket is blocked, in seconds. The counter is raised before the check, so
-- that parallel guesses cannot all pass under the same count. Each counted attempt may be made once (``pending``).
CREATE FUNCTION gs_priv.count_attempt(name text, allowed integer, cooldown interval) RETURNS double precision
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE t record; now_ timestamptz := clock_timestamp();
BEGIN
  INSERT INTO gs_priv.throttle AS x (bucket, failures, since, pending) VALUES (name, 1, now_, 1)
  ON CONFLICT (bucket) DO UPDATE SET
    pending = least(x.pending + 1, allowed),
    failures = CASE WHEN x.blocked_until <= now_ OR (x.blocked_until IS NULL AND x.since + cooldown * 10 <= now_)
                    THEN 1 ELSE x.failures + 1 END,
    since = CASE WHEN x.blocked_until <= now_ OR (x.blocked_until IS NULL AND x.since + cooldown * 10 <= now_)
                 THEN now_ ELSE x.since END,
    blocked_until = CASE WHEN x.blocked_until <= now_ THEN NULL ELSE x.blocked_until END
  RETURNING * INTO t;
  IF t.failures > allowed AND t.blocked_until IS NULL THEN
    UPDATE gs_priv.throttle SET blocked_until = now_ + cooldown WHERE bucket = name
    RETURNING blocked_until INTO t.blocked_until;
  END IF;
  RETURN coalesce(extract(epoch FROM t.blocked_until - now_), 0);
END $$;

-- Forgets buckets that count for nothing any more, some at a time: whoever tries many logins must not fill the disk.
CREATE FUNCTION gs_priv.sweep_throttle(cooldown interval) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  DELETE FROM gs_priv.throttle WHERE bucket IN (
    SELECT t.bucket FROM gs_priv.throttle t
     WHERE t.since + greatest(cooldown * 10, interval '10 min') <= clock_timestamp()
       AND (t.blocked_until IS NULL OR t.blocked_until <= clock_timestamp())
     LIMIT 20 FOR UPDATE SKIP LOCKED) $$;

-- SQL injected into a worker could count an attempt, make it, and undo the count by a ROLLBACK, as often as it likes. A
-- sequence goes on counting; the row beside it is undone with its transaction. What lies between the two was taken back
-- (or is under way), and only so many are borne in a minute. Each minute begins anew.
CREATE SEQUENCE gs_priv.attempt_minute MINVALUE 0 START 0;
CREATE SEQUENCE gs_priv.attempt_made;
CREATE UNLOGGED TABLE gs_priv.attempt_kept (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), minute bigint NOT NULL, attempts bigint NOT NULL
);
CREATE FUNCTION gs_priv.too_many_taken_back() RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE now_ bigint := extract(epoch FROM clock_timestamp())::bigint / 60; made bigint; kept bigint;
BEGIN
  IF (SELECT m.last_value FROM gs_priv.attempt_minute m) <> now_ THEN
    PERFORM setval('gs_priv.attempt_minute', now_), setval('gs_priv.attempt_made', 1, false);
  END IF;
  made := nextval('gs_priv.attempt_made');
  INSERT INTO gs_priv.attempt_kept AS k (minute, attempts) VALUES (now_, 1)
  ON CONFLICT (singleton) DO UPDATE SET
    minute = now_, attempts = CASE k.minute WHEN now_ THEN k.attempts + 1 ELSE 1 END
  RETURNING attempts INTO kept;
  RETURN made - kept > (SELECT s.network_attempts FROM gs_priv.setting s);
END $$;

-- A device that signed in as this user before has a bucket of its own and no other: strangers cannot lock the real user
-- out, neither by his login nor from his network nor by flooding the database. A stranger's bucket ends with a colon.
CREATE FUNCTION gs_priv.login_bucket(of_login text, of_device bytea) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'login:' || lower(of_login) || ':' || coalesce((
    SELECT encode(d.device, 'hex') FROM gs_priv.known_device d JOIN gs_priv.account a USING (user_id)
     WHERE lower(a.login) = lower(of_login) AND d.device = of_device), '') $$;
CREATE FUNCTION gs_priv.network_bucket(network inet) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'network:' || host(network(set_masklen(network, CASE family(network) WHEN 4 THEN 32 ELSE 56 END))) $$;

-- Step one: the parameters to derive with, or how long to wait. An unknown login gets a steady decoy, so that neither
-- the answer nor its time tells who exists.
CREATE FUNCTION gs.credential_parameters(
  of_login text, device bytea, network inet, OUT salt bytea, OUT rounds integer, OUT retry_after double precision
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s gs_priv.setting; bucket_ text := gs_priv.login_bucket(of_login, device);
BEGIN
  SELECT * INTO STRICT s FROM gs_priv.setting;
  IF bucket_ LIKE '%:' THEN
    -- Who waits already is not counted once more: each new login would be another row.
    SELECT extract(epoch FROM max(t.blocked_until) - clock_timestamp()) INTO retry_after FROM gs_priv.throttle t
     WHERE t.bucket IN (gs_priv.network_bucket(network), 'database');
    IF retry_after > 0 THEN
      RETURN;
    END IF;
  END IF;
  retry_after := gs_priv.count_attempt(bucket_, s.login_attempts, s.login_cooldown);
  IF bucket_ LIKE '%:' THEN
    retry_after := greatest(retry_after,
      gs_priv.count_attempt(gs_priv.network_bucket(network), s.network_attempts, s.login_cooldown),
      gs_priv.count_attempt('database', s.database_attempts, s.login_cooldown));
  END IF;
  SELECT c.salt, c.rounds INTO credential_parameters.salt, credential_parameters.rounds
    FROM gs_priv.account a JOIN gs_priv.credential c USING (user_id) WHERE lower(a.login) = lower(of_login);
  IF NOT FOUND THEN
    salt := substr(sha256(s.decoy || convert_to(lower(of_login), 'UTF8')), 1, 16);
    rounds := s.minimum_rounds;
  END IF;
  IF retry_after > 0 THEN
    salt := NULL; rounds := NULL;
  END IF;
  PERFORM gs_priv.sweep_throttle(s.login_cooldown); -- last, because it waits for nobody
END $$;

-- ``version`` is the one that was proven: a session must not outlive a change of password that came in between.
CREATE FUNCTION gs_priv.open_session(
  of_user bigint, version integer, hash bytea, of_kind text, from_network inet, agent text, by_link boolean
) RETURNS void LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO gs_priv.session (token_hash, user_id, kind, credential_version, via_link, network, user_agent, expires_at)
  SELECT hash, of_user, of_kind, version, by_link, from_network, left(agent, 200),
         clock_timestamp() + s.session_absolute
    FROM gs_priv.setting s;
  INSERT INTO gs_priv.session_seen VALUES (hash, clock_timestamp());
  INSERT INTO gs_priv.audit (kind, user_id, details)
  VALUES ('sign_in', of_user, jsonb_build_object('network', host(from_network), 'kind', of_kind, 'link', by_link)) $$;

-- Step two: compare inside the database and open the session in the same breath. 0 = refused, without a reason.
CREATE FUNCTION gs.sign_in(
  of_login text, derived bytea, device bytea, network inet, session_hash bytea, kind text, user_agent text
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE found_user bigint; version integer; bucket_ text := gs_priv.login_bucket(of_login, device);
BEGIN
  UPDATE gs_priv.throttle SET pending = pending - 1 WHERE bucket = bucket_ AND pending > 0;
  IF NOT FOUND THEN
    RETURN 0; -- no attempt was counted for it: step one was left out
  END IF;
  IF EXISTS (SELECT FROM gs_priv.throttle t WHERE t.blocked_until > clock_timestamp() AND (t.bucket = bucket_
              OR bucket_ LIKE '%:' AND t.bucket IN (gs_priv.network_bucket(network), 'database'))) THEN
    RETURN 0;
  END IF;
  IF bucket_ LIKE '%:' AND gs_priv.too_many_taken_back() THEN
    RETURN 0;
  END IF;
  SELECT a.user_id, a.credential_version INTO found_user, version
    FROM gs_priv.account a JOIN gs_priv.credential c USING (user_id)
   WHERE lower(a.login) = lower(of_login) AND a.active AND c.verifier = sha256(derived);
  IF NOT FOUND THEN
    INSERT INTO gs_priv.audit (kind, user_id, details)
    VALUES ('sign_in_failed', 0, jsonb_build_object('login', left(of_login, 200), 'network', host(network)));
    RETURN 0;
  END IF;
  -- Attempts of the same moment that were counted already may still be made.
  DELETE FROM gs_priv.throttle WHERE bucket = bucket_ AND pending = 0;
  UPDATE gs_priv.throttle SET failures = pending WHERE bucket = bucket_;
  -- A success is no attempt: an office behind one address must not wear its bucket out by signing in.
  -- One after the other, as they were counted: two sign-ins that lock them crosswise would wait for each other.
  IF bucket_ LIKE '%:' THEN
    UPDATE gs_priv.throttle SET failures = greatest(failures - 1, 0) WHERE bucket = gs_priv.network_bucket(network);
    UPDATE gs_priv.throttle SET failures = greatest(failures - 1, 0) WHERE bucket = 'database';
  END IF;
  IF octet_length(device) >= 16 THEN
    INSERT INTO gs_priv.known_device VALUES (found_user, sign_in.device, clock_timestamp())
    ON CONFLICT ON CONSTRAINT known_device_pkey DO UPDATE SET seen = excluded.seen;
  END IF;
  PERFORM gs_priv.open_session(found_user, version, session_hash, kind, network, user_agent, false);
  RETURN found_user;
END $$;

-- A one-time link: works once, opens a session, and is gone.
CREATE FUNCTION gs.open_link(link_hash bytea, session_hash bytea, kind text, network inet, user_agent text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE found_user bigint; version integer;
BEGIN
  IF gs_priv.count_attempt('link:' || gs_priv.network_bucket(network), 50, interval '60 s') > 0 THEN
    RETURN 0;
  END IF;
  UPDATE gs_priv.link l SET used_at = clock_timestamp() FROM gs_priv.account a
   WHERE l.token_hash = link_hash AND l.used_at IS NULL AND l.expires_at > clock_timestamp()
     AND a.user_id = l.user_id AND a.active
  RETURNING l.user_id, a.credential_version INTO found_user, version;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  PERFORM gs_priv.open_session(found_user, version, session_hash, kind, network, user_agent, true);
  RETURN found_user;
END $$;

CREATE FUNCTION gs.sign_out(session_hash bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ DELETE FROM gs_priv.session WHERE token_hash = session_hash $$;

CREATE FUNCTION gs.create_link(of_user bigint, link_hash bytea, valid_seconds integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT gs.elevated() OR valid_seconds NOT BETWEEN 60 AND 604800 THEN
    RAISE EXCEPTION 'links are made by elevated code, for a minute to a week' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO gs_priv.link (token_hash, user_id, expires_at)
  VALUES (link_hash, of_user, clock_timestamp() + make_interval(secs => valid_seconds));
  INSERT INTO gs_priv.audit (kind, user_id, actor, details)
  VALUES ('link', gs.user_id(), gs.actor(), jsonb_build_object('for', of_user));
END $$;

-- Step one for somebody who is signed in and proves his password once more. His guesses have a bucket of their own:
-- strangers cannot keep him from changing his password, nor he others from signing in.
CREATE FUNCTION gs.own_parameters(OUT salt bytea, OUT rounds integer, OUT retry_after double precision)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE s gs_priv.setting;
BEGIN
  IF gs.user_id() IS NULL THEN
    RAISE EXCEPTION 'nobody is signed in' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT * INTO STRICT s FROM gs_priv.setting;
  retry_after := gs_priv.count_attempt('proof:' || gs.user_id(), s.login_attempts, s.login_cooldown);
  IF retry_after = 0 THEN
    SELECT c.salt, c.rounds INTO own_parameters.salt, own_parameters.rounds
      FROM gs_priv.credential c WHERE c.user_id = gs.user_id();
  END IF;
END $$;

-- A new password: by elevated code, by its owner who proves the old one (the derived key), or by its owner in the session
-- of a one-time link. All other sessions of the user end at once. When the proof is for the same password (a re-hash
-- with more rounds at sign-in) nothing ends. Rounds never sink.
CREATE FUNCTION gs.set_credential(
  of_user bigint, new_salt bytea, new_rounds integer, new_verifier bytea, this_session bytea, proof bytea, rehash boolean
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE version integer; old gs_priv.credential; proven boolean := false;
BEGIN
  SELECT * INTO old FROM gs_priv.credential c WHERE c.user_id = of_user;
  IF octet_length(proof) > 0 AND NOT gs_priv.too_many_taken_back() THEN -- a wrong proof is always taken back: by our error
    proven := old.verifier = sha256(proof);
  END IF;
  IF gs.actor() <> 0 OR gs.record() <> '' OR NOT (gs.elevated() OR coalesce(of_user = gs.user_id(), false) AND (
      old.user_id IS NULL OR coalesce(proven, false) OR EXISTS (SELECT FROM gs_priv.session s
        WHERE s.token_hash = this_session AND s.user_id = of_user AND s.via_link
          AND s.created_at > clock_timestamp() - interval '1 h'))) THEN
    RAISE EXCEPTION 'the old password is needed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF new_rounds < old.rounds THEN
    RAISE EXCEPTION 'rounds may only rise' USING ERRCODE = 'check_violation';
  END IF;
  INSERT INTO gs_priv.credential (user_id, salt, rounds, verifier) VALUES (of_user, new_salt, new_rounds, new_verifier)
  ON CONFLICT (user_id) DO UPDATE SET salt = excluded.salt, rounds = excluded.rounds, verifier = excluded.verifier,
    changed_at = clock_timestamp();
  DELETE FROM gs_priv.throttle WHERE bucket = 'proof:' || of_user;
  IF rehash AND coalesce(proven, false) THEN
    RETURN;
  END IF;
  UPDATE gs_priv.account SET credential_version = credential_version + 1 WHERE user_id = of_user
  RETURNING credential_version INTO version;
  DELETE FROM gs_priv.session WHERE user_id = of_user AND token_hash IS DISTINCT FROM this_session;
  UPDATE gs_priv.session SET credential_version = version, via_link = false
   WHERE user_id = of_user AND token_hash = this_session;
  DELETE FROM gs_priv.link WHERE user_id = of_user;
  DELETE FROM gs_priv.known_device WHERE user_id = of_user;
  INSERT INTO gs_priv.audit (kind, user_id, actor, details)
  VALUES ('password', gs.user_id(), gs.actor(), jsonb_build_object('of', of_user));
END $$;

-- A session goes on under another token, as ASVS 5.0 7.2.4 asks it of a new password: whoever had learnt the old token is
-- out. Only who knows the hash of his own session's token moves it. When it was seen is noted anew; the old note is swept.
CREATE FUNCTION gs.rotate_session(this_session bytea, new_hash bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  UPDATE gs_priv.session SET token_hash = new_hash WHERE token_hash = this_session AND user_id = gs.user_id();
  IF FOUND THEN
    INSERT INTO gs_priv.session_seen VALUES (new_hash, clock_timestamp());
  END IF;
  RETURN FOUND;
END $$;

-- Whether the signed user has a password yet (after a one-time link he must choose one).
CREATE FUNCTION gs.has_credential() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT EXISTS (SELECT FROM gs_priv.credential WHERE user_id = gs.user_id()) $$;

-- What claim PW-1 is checked by: numbers over all stored passwords, nothing of a single one. Only elevated code asks.
CREATE FUNCTION gs.credential_facts(
  OUT stored bigint, OUT fewest_rounds integer, OUT salts bigint, OUT shortest_salt integer, OUT malformed bigint,
  OUT minimum_rounds integer
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT gs.elevated() THEN
    RAISE EXCEPTION 'only elevated code asks for this' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT count(*), min(c.rounds), count(DISTINCT c.salt), min(octet_length(c.salt)),
         count(*) FILTER (WHERE octet_length(c.verifier) <> 32)
    INTO stored, fewest_rounds, salts, shortest_salt, malformed FROM gs_priv.credential c;
  SELECT s.minimum_rounds INTO STRICT credential_facts.minimum_rounds FROM gs_priv.setting s;
END $$;

CREATE FUNCTION gs.end_sessions(of_user bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT gs.elevated() AND of_user IS DISTINCT FROM gs.user_id() THEN
    RAISE EXCEPTION 'not your sessions' USING ERRCODE = 'insufficient_privilege';
  END IF;
  DELETE FROM gs_priv.session WHERE user_id = of_user;
END $$;

-- What is over is swept by a schedule; nobody is made to wait for it. What is in use at this moment stays.
CREATE FUNCTION gs.sweep_sign_ins() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT gs.elevated() THEN
    RAISE EXCEPTION 'only elevated code sweeps' USING ERRCODE = 'insufficient_privilege';
  END IF;
  DELETE FROM gs_priv.session WHERE token_hash IN (
    SELECT x.token_hash FROM gs_priv.session x WHERE x.expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED);
  DELETE FROM gs_priv.link WHERE token_hash IN (
    SELECT x.token_hash FROM gs_priv.link x WHERE x.expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED);
  DELETE FROM gs_priv.known_device WHERE (user_id, device) IN (
    SELECT x.user_id, x.device FROM gs_priv.known_device x
     WHERE x.seen <= clock_timestamp() - interval '400 d' FOR UPDATE SKIP LOCKED);
  DELETE FROM gs_priv.session_seen WHERE token_hash IN (
    SELECT x.token_hash FROM gs_priv.session_seen x
     WHERE NOT EXISTS (SELECT FROM gs_priv.session y WHERE y.token_hash = x.token_hash) FOR UPDATE SKIP LOCKED);
END $$;

GRANT EXECUTE ON FUNCTION gs.sweep_sign_ins(), gs.credential_parameters(text, bytea, inet),
  gs.sign_in(text, bytea, bytea, inet, bytea, text, text), gs.open_link(bytea, bytea, text, inet, text),
  gs.own_parameters(), gs.sign_out(bytea), gs.create_link(bigint, bytea, integer),
  gs.set_credential(bigint, bytea, integer, bytea, bytea, bytea, boolean), gs.has_credential(), gs.end_sessions(bigint),
  gs.rotate_session(bytea, bytea), gs.credential_facts() TO PUBLIC;
RESET ROLE;
