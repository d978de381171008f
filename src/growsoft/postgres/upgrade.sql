-- What a comparison of an older private side with a fresh one cannot know (private.py): columns that got other names or
-- types, operators that go, rows that a new table begins with. It runs before the comparison, in every upgrade of a
-- database that was made by other scripts; so each statement must be able to run again, and on the newest as well.
-- Nothing has been needed so far.
INSERT INTO gs_priv.overlay_state DEFAULT VALUES ON CONFLICT DO NOTHING;
