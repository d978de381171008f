-- The index side of search.sql, where the build has pg_trgm.
CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA gs;
CREATE OPERATOR FAMILY gs.trgm_safe USING gin;
CREATE OPERATOR CLASS gs.trgm_safe FOR TYPE text USING gin FAMILY gs.trgm_safe AS
  OPERATOR 3 gs.~~? (text, gs.pattern), OPERATOR 4 gs.~~*? (text, gs.pattern),
  FUNCTION 1 (text, text) btint4cmp(int4, int4),
  FUNCTION 2 (text, text) gs.gin_extract_value_trgm(text, internal),
  FUNCTION 3 (text, text) gs.gin_extract_query_trgm(text, internal, int2, internal, internal, internal, internal),
  FUNCTION 4 (text, text) gs.gin_trgm_consistent(internal, int2, text, int4, internal, internal, internal, internal),
  FUNCTION 6 (text, text) gs.gin_trgm_triconsistent(internal, int2, text, int4, internal, internal, internal),
  STORAGE int4;
