"""The database of trade, whose people may see some of it."""

from tests.integration.orm.conftest import shared, trade_registry, trade_template

__all__ = ["shared", "trade_registry", "trade_template"]
