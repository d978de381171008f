-- Translated text: {language: text}. The source language is always there, so that nobody reads nothing where others read
-- something; what is unset in one language is unset in all.
CREATE FUNCTION gs.translated(before jsonb, language text, value text) RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN value = '' THEN pg_catalog.jsonb_build_object('en_US', '')
  WHEN before ->> 'en_US' = '' THEN pg_catalog.jsonb_build_object('en_US', value, language, value)
  ELSE before || pg_catalog.jsonb_build_object(language, value) END;
-- What a translated column may hold, whoever writes it: texts by the names of languages.
CREATE FUNCTION gs.are_texts(value jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN pg_catalog.jsonb_typeof(value) = 'object' AND value ->> 'en_US' IS NOT NULL
  AND NOT pg_catalog.jsonb_path_exists(value, '$.* ? (@.type() != "string")');
GRANT EXECUTE ON FUNCTION gs.translated(jsonb, text, text), gs.are_texts(jsonb) TO PUBLIC;
