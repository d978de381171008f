"""Exchange: files of other systems come in, row by row checked, set by set written."""
