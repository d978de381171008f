"""How long a history is kept is a setting of the database, which nobody can make too short."""

from __future__ import annotations

import pytest

from growsoft.cli.errors import UsageError
from growsoft.cli.retention import SETTING, retention_days
from growsoft.orm import Env


@pytest.mark.parametrize(("told", "days"), [("", None), ("730", 730), (" 1000 ", 1000), ("36500", 36500)])
def test_a_policy_is_a_number_of_days(env: Env, told: str, days: int | None) -> None:
    assert retention_days(env) is None
    env["ir.config_parameter"].create({"key": SETTING, "value": told})
    assert retention_days(env) == days


@pytest.mark.parametrize("told", ["729", "0", "-1", "36501", "two years", "1e3", "\u0661\u0662\u0663\u0664"])
def test_a_policy_that_is_too_short_or_no_number_is_refused(env: Env, told: str) -> None:
    env["ir.config_parameter"].create({"key": SETTING, "value": told})
    with pytest.raises(UsageError, match="730"):
        retention_days(env)
