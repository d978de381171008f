"""Facts: which scripts decide what a database is."""

from importlib import resources

from growsoft.keeper.facts import CHECKING_SCRIPTS, MAKING_SCRIPTS, UPGRADING_SCRIPTS, Facts, checks, platform
from growsoft.postgres.keeper import new_database_name
from tests.unit.keeper.test_verbs import UUID1

# Run again at each start of a cluster, so no database depends on it.
OF_THE_CLUSTER = {"cluster.sql"}


def test_every_script_is_known_to_make_or_to_check_a_database() -> None:
    """Whoever adds a script to a new database adds it here, or older databases would pass for newer ones."""
    found = {entry.name for entry in resources.files("growsoft.postgres").iterdir() if entry.name.endswith(".sql")}
    assert found == {*MAKING_SCRIPTS, *CHECKING_SCRIPTS, *UPGRADING_SCRIPTS, *OF_THE_CLUSTER}
    assert platform() != checks()


def test_a_database_fits_its_own_versions_and_platform_only() -> None:
    facts = Facts(UUID1, {"base": "1.0"}, platform(), 1)
    assert facts.fits({"base": "1.0"})
    assert not facts.fits({"base": "1.1"})
    assert not facts.fits({"base": "1.0", "sale": "1.0"})
    assert not Facts(UUID1, {"base": "1.0"}, new_database_name(), 1).fits({"base": "1.0"})
