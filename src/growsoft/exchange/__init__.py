"""Exchange: files of other systems come in and go out, row by row checked, set by set read and written."""
