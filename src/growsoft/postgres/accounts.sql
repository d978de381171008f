-- Mirrors what a sign-in needs from the tables of users, groups and companies into gs_priv, because the definer does not
-- see business rows. The triggers (accounts.py) name the columns. A user without any group has no profile: no way in.
SET ROLE gs_definer;

-- The name of a set of groups: its content decides it, so that clusters agree and one profile is never two things.
CREATE FUNCTION gs_priv.profile_name(roles text[]) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT 'p_' || left(encode(sha256(convert_to(string_agg(r, ',' ORDER BY r COLLATE "C"), 'UTF8')), 'hex'), 40)
    FROM unnest(roles) r $$;

-- Whoever changes memberships, implied groups or companies does so alone: two changes that each see the other's old state
-- could leave a profile that neither would have given. Under REPEATABLE READ the second one runs again (SQLSTATE 40001).
CREATE FUNCTION gs_priv.change_alone() RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO gs_priv.meta AS m VALUES ('accounts', pg_current_xact_id()::text)
  ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE m.value <> excluded.value $$;

-- Brings profile and companies of one account, or of all when only_user is NULL, to what the mirrors say.
CREATE FUNCTION gs_priv.refresh_accounts(only_user bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  WITH RECURSIVE closed(user_id, group_id) AS (
    SELECT m.user_id, m.group_id FROM gs_priv.membership m WHERE only_user IS NULL OR m.user_id = only_user
    UNION
    SELECT c.user_id, i.implied_id FROM closed c JOIN gs_priv.implication i USING (group_id)
  ), wanted AS (
    SELECT a.user_id,
           (SELECT array_agg(DISTINCT g.role ORDER BY g.role) FROM closed c JOIN gs_priv.group_role g USING (group_id)
             WHERE c.user_id = a.user_id) AS roles,
           coalesce((SELECT array_agg(x.company_id ORDER BY x.company_id <> coalesce(a.main_company, 0), x.company_id) FROM gs_priv.user_company x
             WHERE x.user_id = a.user_id), '{}') AS companies
      FROM gs_priv.account a WHERE only_user IS NULL OR a.user_id = only_user
  ), profiles AS (
    INSERT INTO gs_priv.profile (name, roles)
    SELECT DISTINCT gs_priv.profile_name(w.roles), w.roles FROM wanted w WHERE w.roles IS NOT NULL
    ON CONFLICT (name) DO NOTHING
  )
  UPDATE gs_priv.account a SET profile = coalesce(gs_priv.profile_name(w.roles), ''), companies = w.companies
    FROM wanted w WHERE a.user_id = w.user_id
     AND (a.profile, a.companies) IS DISTINCT FROM (coalesce(gs_priv.profile_name(w.roles), ''), w.companies);
END $$;

-- Arguments: login column, active column, and the column of the main company.
CREATE FUNCTION gs_priv.mirror_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE n jsonb := to_jsonb(NEW);
BEGIN
  IF TG_OP = 'DELETE' OR TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
    DELETE FROM gs_priv.account WHERE user_id = OLD.id;
  END IF;
  IF TG_OP = 'DELETE' THEN
    RETURN NULL;
  END IF;
  INSERT INTO gs_priv.account (user_id, login, active, main_company)
  VALUES (NEW.id, n ->> TG_ARGV[0], (n ->> TG_ARGV[1])::boolean, (n ->> TG_ARGV[2])::bigint)
  ON CONFLICT (user_id) DO UPDATE
    SET login = excluded.login, active = excluded.active, main_company = excluded.main_company;
  IF NOT (n ->> TG_ARGV[1])::boolean THEN
    DELETE FROM gs_priv.session WHERE user_id = NEW.id;
  END IF;
  PERFORM gs_priv.refresh_accounts(NEW.id);
  RETURN NULL;
END $$;

-- Argument: the column that holds the key of a group that an app declares ('base.admin'); '' for one that an
-- administrator made, which gets a name of its own that no app can have.
CREATE FUNCTION gs_priv.mirror_group() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM gs_priv.change_alone();
  IF TG_OP = 'DELETE' THEN
    DELETE FROM gs_priv.group_role WHERE group_id = OLD.id;
  ELSE
    INSERT INTO gs_priv.group_role (group_id, role)
    VALUES (NEW.id, CASE to_jsonb(NEW) ->> TG_ARGV[0] WHEN '' THEN 'g_' || current_database() || '_' || NEW.id
                    ELSE 'g_' || replace(to_jsonb(NEW) ->> TG_ARGV[0], '.', '_') END)
    ON CONFLICT (group_id) DO NOTHING;
  END IF;
  PERFORM gs_priv.refresh_accounts(NULL);
  RETURN NULL;
END $$;

-- Arguments: kind of pair (membership, implication, company), left column, right column.
CREATE FUNCTION gs_priv.mirror_pair() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  o jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  n jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  old_left bigint := (o ->> TG_ARGV[1])::bigint;
  old_right bigint := (o ->> TG_ARGV[2])::bigint;
  new_left bigint := (n ->> TG_ARGV[1])::bigint;
  new_right bigint := (n ->> TG_ARGV[2])::bigint;
BEGIN
  PERFORM gs_priv.change_alone();
  CASE TG_ARGV[0]
  WHEN 'membership' THEN
    DELETE FROM gs_priv.membership WHERE (user_id, group_id) = (old_left, old_right);
    IF n IS NOT NULL THEN INSERT INTO gs_priv.membership VALUES (new_left, new_right) ON CONFLICT DO NOTHING; END IF;
  WHEN 'implication' THEN
    DELETE FROM gs_priv.implication WHERE (group_id, implied_id) = (old_left, old_right);
    IF n IS NOT NULL THEN INSERT INTO gs_priv.implication VALUES (new_left, new_right) ON CONFLICT DO NOTHING; END IF;
    new_left := NULL; old_left := NULL; -- every member of the group is concerned
  WHEN 'company' THEN
    DELETE FROM gs_priv.user_company WHERE (user_id, company_id) = (old_left, old_right);
    IF n IS NOT NULL THEN INSERT INTO gs_priv.user_company VALUES (new_left, new_right) ON CONFLICT DO NOTHING; END IF;
  END CASE;
  PERFORM gs_priv.refresh_accounts(coalesce(new_left, old_left));
  IF old_left <> new_left THEN -- moved: the one it was taken from loses it
    PERFORM gs_priv.refresh_accounts(old_left);
  END IF;
  RETURN NULL;
END $$;

-- As whom a job runs: asked by the queue alone, which signs as nobody (user 0) with the one group that may write it.
-- By id, or by login where a schedule names one. No row for who does not exist.
CREATE FUNCTION gs.job_account(
  of_user bigint, of_login text, OUT user_id bigint, OUT profile text, OUT companies bigint[], OUT active boolean
) LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF gs.user_id() IS DISTINCT FROM 0 OR NOT EXISTS (
      SELECT FROM gs_priv.profile p WHERE p.name = gs.ctx(1) AND p.roles = ARRAY['g_base_jobs']) THEN
    RAISE EXCEPTION 'only the queue of jobs asks for this' USING ERRCODE = 'insufficient_privilege';
  END IF;
  SELECT a.user_id, a.profile, a.companies, a.active
    INTO job_account.user_id, job_account.profile, job_account.companies, job_account.active
    FROM gs_priv.account a WHERE a.user_id = of_user OR of_login <> '' AND lower(a.login) = lower(of_login);
END $$;
GRANT EXECUTE ON FUNCTION gs.job_account(bigint, text) TO PUBLIC;

-- Who held a named lock last. An advisory lock keeps two apart; this makes whoever began to look before the other one had
-- ended run again (SQLSTATE 40001), though the lock was free by the time he asked for it. Keys are no names: `lock_key`.
CREATE TABLE gs_priv.named_lock (key bigint PRIMARY KEY, held bigint NOT NULL);
CREATE FUNCTION gs.hold_lock(of_key bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO gs_priv.named_lock AS l VALUES (of_key, 1) ON CONFLICT (key) DO UPDATE SET held = l.held + 1 $$;
GRANT EXECUTE ON FUNCTION gs.hold_lock(bigint) TO PUBLIC;

-- Which fields of a record its last changes were about, for whoever edits it: the ORM asks for a record that he sees, and
-- tells of the fields that he may read.
CREATE FUNCTION gs.changed_since(of_table text, of_record bigint, changes integer) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF NOT gs.elevated() THEN
    RAISE EXCEPTION 'only elevated code asks for this' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN (WITH own AS (
      SELECT a.id FROM gs_priv.audit a WHERE a.table_name = of_table AND a.record_id = of_record AND a.relation = ''
         AND a.kind IN ('create', 'write') ORDER BY a.id DESC LIMIT changes + 1)
    SELECT coalesce(array_agg(DISTINCT k), '{}') FROM gs_priv.audit a, jsonb_object_keys(a.details) k
     WHERE a.table_name = of_table AND a.record_id = of_record AND a.kind = 'write'
       AND a.id > (SELECT CASE WHEN count(*) > changes THEN min(own.id) ELSE 0 END FROM own));
END $$;
GRANT EXECUTE ON FUNCTION gs.changed_since(text, bigint, integer) TO PUBLIC;
RESET ROLE;
