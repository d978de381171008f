"""Operations: the worker that backs up, mends, prunes, proves and watches, without anybody having to think of it."""
