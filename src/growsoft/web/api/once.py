"""Once: a request that creates may carry an ``Idempotency-Key``; sent again it is answered, not done, a second time.

After the draft of the IETF's HTTP API working group, draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec

from growsoft.errors import ValidationError
from growsoft.orm import Env
from growsoft.postgres.sql import sql
from growsoft.web.http import Request

HEADER: Final = "idempotency-key"
LONGEST: Final = 255


def once(env: Env, request: Request, work: Callable[[], Any]) -> Any:  # noqa: ANN401  what JSON can say
    """Do work whose result JSON can say; with a key that was used before give the result of that time.

    Raises ``ValidationError`` for a key that another request was sent with. Two with one key that come together are
    done one after the other.
    """
    given = request.headers.get(HEADER, "")
    if not given:
        return work()
    if len(given) > LONGEST:
        raise ValidationError(f"An Idempotency-Key has at most {LONGEST} characters.")
    key = sha256(given.encode("utf-8", "replace")).digest()
    env.lock(f"request {env.user_id} {key.hex()}")
    same = sha256(b"\0".join((request.method.encode(), request.path.encode(), request.body))).digest()
    found = env.execute(sql("SELECT * FROM gs.answer_of({key}::bytea)", key=key)).rows
    if found:
        if found[0][0] != same:
            raise ValidationError("This Idempotency-Key was used for another request; make a new one for each request.")
        return msgspec.json.decode(found[0][1])
    result = work()
    env.flush()
    text = msgspec.json.encode(result).decode()
    env.execute(sql("SELECT gs.keep_answer({key}::bytea, {same}::bytea, {text}::text)", key=key, same=same, text=text))
    return result
