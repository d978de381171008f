-- Personal keys for software: random, kept as a hash, each with an end. What a key opens is a short session, so whoever
-- is deactivated is out at once, and what was done with a key is done in the name of its owner.
SET ROLE gs_definer;
CREATE TABLE gs_priv.api_key (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id bigint NOT NULL REFERENCES gs_priv.account ON DELETE CASCADE,
  key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
  name text NOT NULL CHECK (name <> '' AND length(name) <= 100),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  used_at timestamptz,
  scope text NOT NULL DEFAULT '' CHECK (scope ~ '^([rw]( [a-z0-9_]+)*)?$'),
  networks cidr[] NOT NULL DEFAULT '{}'
);
CREATE INDEX api_key_user_id ON gs_priv.api_key (user_id);

-- Only who is himself here may make, see and end his keys: nobody who acts for him, and no signed link.
CREATE FUNCTION gs_priv.may_manage_keys(of_user bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
RETURN coalesce(gs.elevated() OR (gs.user_id() = of_user AND gs.actor() = 0 AND gs.unlimited()), false);

CREATE FUNCTION gs.create_key(
  of_user bigint, new_name text, new_hash bytea, days integer, scope text DEFAULT '', networks cidr[] DEFAULT '{}'
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE made bigint;
BEGIN
  IF NOT gs_priv.may_manage_keys(of_user) OR days NOT BETWEEN 1 AND 366 THEN
    RAISE EXCEPTION 'keys are made by their owner, for a year at most' USING ERRCODE = 'insufficient_privilege';
  END IF;
  INSERT INTO gs_priv.api_key (user_id, key_hash, name, expires_at, scope, networks)
  VALUES (of_user, new_hash, new_name, clock_timestamp() + make_interval(days => days), scope, networks)
  RETURNING id INTO made;
  INSERT INTO gs_priv.audit (kind, user_id, actor, details)
  VALUES ('key', gs.user_id(), gs.actor(), jsonb_build_object('for', of_user, 'key', made, 'days', days,
    'scope', scope, 'networks', networks));
  RETURN made;
END $$;

CREATE FUNCTION gs.keys_of(of_user bigint)
RETURNS TABLE (
  id bigint, name text, created_at timestamptz, expires_at timestamptz, used_at timestamptz, scope text, networks text[]
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT k.id, k.name, k.created_at, k.expires_at, k.used_at, k.scope, k.networks::text[] FROM gs_priv.api_key k
   WHERE k.user_id = of_user AND gs_priv.may_manage_keys(of_user) ORDER BY k.id $$;

CREATE FUNCTION gs.drop_key(of_user bigint, key_id bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM gs_priv.api_key k WHERE k.id = key_id AND k.user_id = of_user AND gs_priv.may_manage_keys(of_user);
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM gs_priv.session s WHERE s.user_id = of_user AND s.kind = 'api';
  INSERT INTO gs_priv.audit (kind, user_id, actor, details)
  VALUES ('key_dropped', gs.user_id(), gs.actor(), jsonb_build_object('for', of_user, 'key', key_id));
  RETURN true;
END $$;

-- A session of two minutes for whoever shows a key that holds. 0 = refused, without a reason; guesses are counted by
-- network, though nobody can guess 256 bits.
CREATE FUNCTION gs.open_key(shown_hash bytea, session_hash bytea, network inet, user_agent text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE found_user bigint; version integer; key_scope text;
BEGIN
  UPDATE gs_priv.api_key k SET used_at = clock_timestamp() FROM gs_priv.account a
   WHERE k.key_hash = shown_hash AND k.expires_at > clock_timestamp() AND a.user_id = k.user_id AND a.active
     AND (k.networks = '{}' OR open_key.network <<= ANY (k.networks::inet[]))
  RETURNING k.user_id, a.credential_version, k.scope INTO found_user, version, key_scope;
  IF NOT FOUND THEN
    PERFORM gs_priv.count_attempt('key:' || gs_priv.network_bucket(network), 50, interval '60 s');
    RETURN 0;
  END IF;
  PERFORM gs_priv.open_session(found_user, version, session_hash, 'api', network, user_agent, false);
  UPDATE gs_priv.session SET expires_at = clock_timestamp() + interval '2 min', scope = key_scope
   WHERE token_hash = session_hash;
  RETURN found_user;
END $$;

GRANT EXECUTE ON FUNCTION gs.create_key(bigint, text, bytea, integer, text, cidr[]), gs.keys_of(bigint), gs.drop_key(bigint, bigint),
  gs.open_key(bytea, bytea, inet, text) TO PUBLIC;
RESET ROLE;
