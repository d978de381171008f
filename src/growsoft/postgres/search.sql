-- Substring search that row security does not keep from its index: PostgreSQL's own LIKE code behind operators whose
-- pattern is a checked domain. A pattern that could raise an error fails in the type, before any row, so that no error
-- can depend on a hidden one; that is what allows the LEAKPROOF mark (docs/decisions/0012).
CREATE DOMAIN gs.pattern AS text
  CHECK (octet_length(VALUE) <= 512 AND (length(VALUE) - length(rtrim(VALUE, '\'))) % 2 = 0);
CREATE FUNCTION gs.like(text, gs.pattern) RETURNS boolean
  LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'textlike';
CREATE FUNCTION gs.ilike(text, gs.pattern) RETURNS boolean
  LANGUAGE internal IMMUTABLE STRICT PARALLEL SAFE LEAKPROOF AS 'texticlike';
CREATE OPERATOR gs.~~? (LEFTARG = text, RIGHTARG = gs.pattern, FUNCTION = gs.like, RESTRICT = matchingsel, JOIN = matchingjoinsel);
CREATE OPERATOR gs.~~*? (LEFTARG = text, RIGHTARG = gs.pattern, FUNCTION = gs.ilike, RESTRICT = matchingsel, JOIN = matchingjoinsel);
GRANT EXECUTE ON FUNCTION gs.like(text, gs.pattern), gs.ilike(text, gs.pattern) TO PUBLIC;
