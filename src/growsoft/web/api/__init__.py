"""The API of Growsoft itself, below ``/api/1/``: records as JSON under personal keys, described by OpenAPI 3.1.

A request proves itself by ``Authorization: Bearer`` and by nothing else: no cookie is read. Whoever calls acts with the
rights of the key's owner, in one transaction for each request. Errors are problem details (RFC 9457).
"""

from growsoft.web.api import batch, openapi, records
from growsoft.web.api.visit import NATIVE_ROUTES

__all__ = ["NATIVE_ROUTES", "batch", "openapi", "records"]
