"""Library: an app in three versions as its makers published them, and another app on top of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from growsoft.apps.base import app as base
from growsoft.orm import App
from tests.support.library.reviews import app as reviews
from tests.support.library.v1 import app as first
from tests.support.library.v2 import app as second
from tests.support.library.v3 import app as third

VERSIONS: Final[Mapping[str, Mapping[str, App]]] = {
    app.version: {"base": base, "library": app, "reviews": reviews} for app in (first, second, third)
}
