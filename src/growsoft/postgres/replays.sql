-- Answers to requests that software may send twice: what was made is found again instead of being made once more. Kept
-- for a day, for whoever sent them alone, and in the transaction that made it: there is never the one without the other.
SET ROLE gs_definer;
CREATE TABLE gs_priv.replay (
  user_id bigint NOT NULL REFERENCES gs_priv.account ON DELETE CASCADE,
  key_hash bytea NOT NULL CHECK (octet_length(key_hash) = 32),
  request_hash bytea NOT NULL CHECK (octet_length(request_hash) = 32),
  answer text NOT NULL CHECK (octet_length(answer) <= 1000000),
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (user_id, key_hash)
);

-- The request that a key was used for, and what was answered; no row when it is new.
CREATE FUNCTION gs.answer_of(key bytea) RETURNS TABLE (request bytea, answer text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.request_hash, r.answer FROM gs_priv.replay r
   WHERE r.user_id = gs.user_id() AND r.key_hash = key AND r.at > clock_timestamp() - interval '24 h' $$;

CREATE FUNCTION gs.keep_answer(key bytea, request bytea, given text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM gs_priv.replay r WHERE r.user_id = gs.user_id() AND r.at <= clock_timestamp() - interval '24 h';
  INSERT INTO gs_priv.replay (user_id, key_hash, request_hash, answer) VALUES (gs.user_id(), key, request, given);
END $$;

GRANT EXECUTE ON FUNCTION gs.answer_of(bytea), gs.keep_answer(bytea, bytea, text) TO PUBLIC;
RESET ROLE;
