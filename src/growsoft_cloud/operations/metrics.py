"""Metrics: what the monitor sees, for Prometheus. Databases go by their uuid: customers' names stay in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from growsoft_cloud.operations.monitor import Level, Watched, growth
from growsoft_cloud.operations.watching import Picture

_OF_A_DATABASE: Final[tuple[tuple[str, str, Callable[[Watched], float | None]], ...]] = (
    ("newest_timestamp_seconds", "When the snapshot of the newest complete backup was taken",
     lambda one: None if one.newest is None else one.newest.taken_at.timestamp()),
    ("oldest_timestamp_seconds", "When the snapshot of the oldest backup was taken",
     lambda one: one.backups[-1].taken_at.timestamp() if one.backups else None),
    ("kept", "How many backups there are", lambda one: len(one.backups)),
    ("copies", "Proven copies of the newest backup", lambda one: len(one.backups[0].sites) if one.backups else 0),
    ("growth_percent", "How much larger the newest backup is than those before it usually were", growth),
    ("bytes", "Size of the newest backup at each site", lambda one: one.backups[0].bytes if one.backups else None),
    ("restored_timestamp_seconds", "When a backup was restored on trial last",
     lambda one: None if one.proved is None or one.proved.proved_at is None else one.proved.proved_at.timestamp()),
    ("restore_seconds", "How long that took", lambda one: None if one.proved is None else one.proved.proof_seconds),
)  # fmt: skip


class PictureCollector(Collector):
    """Gives the last picture of the monitor whenever Prometheus asks."""

    def __init__(self, picture: Callable[[], Picture | None]) -> None:
        """Take what gives the last picture; None before the first."""
        self._picture = picture

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give all metrics."""
        picture = self._picture()
        if picture is None:
            return
        yield GaugeMetricFamily(
            "growsoft_backup_checked_timestamp_seconds", "When all of it was looked at", value=picture.at.timestamp()
        )
        for name, text, value in _OF_A_DATABASE:
            family = GaugeMetricFamily(f"growsoft_backup_{name}", text, labels=["database"])
            for database, _found in picture.databases:
                if (found := value(database)) is not None:
                    family.add_metric([str(database.uuid)], found)
            yield family
        yield _copies(picture)
        yield from _troubles(picture)
        yield from _sites(picture)
        yield from _archive(picture)


def text_of(picture: Picture) -> str:
    """Return a picture in Prometheus's text format, for its node exporter or a look."""
    registry = CollectorRegistry()
    registry.register(PictureCollector(lambda: picture))
    return generate_latest(registry).decode()


def _copies(picture: Picture) -> GaugeMetricFamily:
    """Give the age of each database's newest proven copy at each site; a site without one has none here."""
    family = GaugeMetricFamily(
        "growsoft_backup_copy_timestamp_seconds",
        "When the snapshot of the newest backup was taken of which the site has a proven copy",
        labels=["database", "site"],
    )
    for database, _found in picture.databases:
        for site in picture.sites:
            taken = next((seen.taken_at for seen in database.backups if site.name in seen.sites), None)
            if taken is not None:
                family.add_metric([str(database.uuid), site.name], taken.timestamp())
    return family


def _troubles(picture: Picture) -> Iterator[GaugeMetricFamily]:
    family = GaugeMetricFamily("growsoft_backup_troubles", "What is wrong, by its level", labels=["database", "level"])
    for database, found in picture.databases:
        for level in Level:
            family.add_metric([str(database.uuid), level.value], sum(trouble.level is level for trouble in found))
    yield family


def _sites(picture: Picture) -> Iterator[GaugeMetricFamily]:
    families = {
        "up": "Whether the site answers",
        "objects": "How many objects it says it holds",
        "bytes": "How many bytes they have",
        "answer_seconds": "How long it took to list them",
    }
    made = {name: GaugeMetricFamily(f"growsoft_site_{name}", text, labels=["site"]) for name, text in families.items()}
    for site in picture.sites:
        values = (not site.trouble, site.objects, site.bytes, site.milliseconds / 1000)
        for family, value in zip(made.values(), values, strict=True):
            family.add_metric([site.name], float(value))
    yield from made.values()


def _archive(picture: Picture) -> Iterator[GaugeMetricFamily]:
    status, wrong = picture.archive
    if status is None:
        return
    values = (
        ("rpo_seconds", "How much work would be lost with the cluster's machine", status.rpo(picture.at)),
        ("behind_bytes", "WAL that is not archived yet", status.behind),
        ("limit_bytes", "How much of it the primary keeps", status.limit),
        ("received_bytes", "WAL that was archived since the archive began", status.received),
        ("stored_bytes", "What it took at each site", status.stored),
        ("troubles", "What is wrong with the archive", len(wrong)),
    )
    for name, text, value in values:
        if value is not None:
            family = GaugeMetricFamily(f"growsoft_archive_{name}", text, labels=["cluster"])
            family.add_metric([status.system], float(value))
            yield family
