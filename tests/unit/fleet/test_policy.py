"""A backup policy that keeps less than what is promised cannot be built."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growsoft.errors import ConfigError
from growsoft_cloud.fleet import BackupPolicy, Continent, DataCentre, PolicyError, Retention


@dataclass(frozen=True)
class Store:
    """A site as far as a policy looks at it."""

    name: str
    data_centre: DataCentre


GRAVELINES = DataCentre("gravelines", Continent.EUROPE, "Gravelines", "FR")
FRANKFURT = DataCentre("frankfurt", Continent.EUROPE, "Frankfurt", "DE")
WARSAW = DataCentre("warsaw", Continent.EUROPE, "Warsaw", "PL")
MONTREAL = DataCentre("montreal", Continent.NORTH_AMERICA, "Beauharnois", "CA")


def stores(*centres: DataCentre) -> tuple[Store, ...]:
    return tuple(Store(f"{centre.name}-{number}", centre) for number, centre in enumerate(centres))


def policy(*centres: DataCentre, production: DataCentre = GRAVELINES) -> BackupPolicy[Store]:
    return BackupPolicy(Retention(), stores(*centres), production)


def test_bk2_three_data_centres_on_two_continents_are_enough() -> None:
    assert len(policy(GRAVELINES, FRANKFURT, MONTREAL).sites) == 3


@pytest.mark.parametrize(
    ("centres", "said"),
    [
        ((), "0 different data centres"),
        ((FRANKFURT, MONTREAL), "2 different data centres"),
        ((FRANKFURT, MONTREAL, MONTREAL), "2 different data centres"),
        ((GRAVELINES, FRANKFURT, WARSAW), "1 continents"),
    ],
)
def test_bk2_fewer_places_than_promised_cannot_be_built(centres: tuple[DataCentre, ...], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        policy(*centres)


@given(st.lists(st.sampled_from([GRAVELINES, FRANKFURT, WARSAW, MONTREAL]), max_size=6))
def test_bk2_every_policy_that_can_be_built_keeps_the_promise(centres: list[DataCentre]) -> None:
    distinct = set(centres)
    promised = len(distinct) >= 3 and MONTREAL in distinct
    try:
        built = policy(*centres)
    except PolicyError:
        assert not promised
        return
    assert promised
    outside = {site.data_centre for site in built.sites} - {built.production}
    assert len(outside) >= 2


def test_one_site_named_twice_is_refused() -> None:
    store = Store("s3", MONTREAL)
    with pytest.raises(PolicyError, match="named twice"):
        BackupPolicy(Retention(), (store, store, *stores(FRANKFURT, WARSAW)), GRAVELINES)


def test_a_data_centre_on_two_continents_is_refused() -> None:
    moved = DataCentre("montreal", Continent.ASIA, "Beauharnois", "CA")
    with pytest.raises(PolicyError, match="two ways"):
        policy(MONTREAL, moved, FRANKFURT)


@pytest.mark.parametrize("kept", [(6, 4, 3), (7, 3, 3), (7, 4, 2), (30, 0, 3)])
def test_bk1_retention_never_keeps_fewer_than_promised(kept: tuple[int, int, int]) -> None:
    with pytest.raises(PolicyError, match="too few"):
        Retention(*kept)


@pytest.mark.parametrize(
    ("name", "city", "country"), [("", "Paris", "FR"), ("../x", "Paris", "FR"), ("a", "", "FR"), ("a", "Paris", "FRA")]
)
def test_a_data_centre_that_cannot_be_published_is_refused(name: str, city: str, country: str) -> None:
    with pytest.raises(ConfigError):
        DataCentre(name, Continent.EUROPE, city, country)
