-- The rows with which a table of the private side begins, for databases that did not have it. It runs after the comparison,
-- in every upgrade of a database that was made by other scripts, so each statement must be able to run again.
INSERT INTO gs_priv.setting DEFAULT VALUES ON CONFLICT DO NOTHING;
INSERT INTO gs_priv.overlay_state DEFAULT VALUES ON CONFLICT DO NOTHING;
