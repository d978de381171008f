"""Django and Django REST framework: each operation in the form that its documentation recommends for speed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

from bench.peers.apart import inputs
from bench.peers.apart.serve import Opened, serve

if TYPE_CHECKING:
    from bench.peers.apart.django_contacts.models import Partner, Partners

_COUNTRIES = list(range(1, 60))


class Django:
    """Django with one connection and server-side prepared statements."""

    def start(self, server: Mapping[str, str]) -> None:
        """Configure; the settings a production service has, and prepared statements on."""
        self._server = server
        settings.configure(
            INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "bench.peers.apart.django_contacts"],
            DATABASES={"default": self._database("postgres")},
            USE_TZ=True,
            DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
            REST_FRAMEWORK={"UNAUTHENTICATED_USER": None},
        )
        django.setup()

    def _database(self, name: str) -> dict[str, Any]:
        server = self._server
        return {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": server["host"],
            "PORT": server["port"],
            "USER": server["user"],
            "PASSWORD": server["password"],
            "NAME": name,
            "CONN_MAX_AGE": None,
            "OPTIONS": {"server_side_binding": True, "prepare_threshold": 1},
        }

    def _use(self, database: str) -> None:
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = database

    def make(self, database: str) -> Mapping[str, object]:
        """Migrate."""
        from django.core.management import call_command

        self._use(database)
        call_command("migrate", "auth", verbosity=0)
        call_command("migrate", run_syncdb=True, verbosity=0)
        stamps = {"create_uid": 1, "write_uid": 1, "version": 1}
        return {
            "partner": "django_contacts_partner",
            "country": "django_contacts_country",
            "columns": {},
            "constants": {"django_contacts_partner": stamps},
        }

    def open(self, database: str, told: Mapping[str, Any]) -> Opened:
        """Open a transaction that stays open, as the other sides do."""
        from django.db import connection, transaction

        self._use(database)
        self._stack = transaction.atomic()
        self._stack.__enter__()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (backend,) = cursor.fetchone()
        return Opened(backend, _Work(told).operations())

    def answers(self, told: Mapping[str, Any]) -> Mapping[str, object]:
        """Answer with the first inputs."""
        return _Work(told).answers()

    def import_file(self, path: str) -> int:
        """Read and bulk_create in batches, in one transaction that is undone."""
        from django.db import transaction

        from bench.peers.apart.django_contacts.models import Country, Partner

        rows = 0
        with suppress(_Undo), transaction.atomic(), open(path, encoding="utf-8", newline="") as stream:  # noqa: PTH123
            countries = dict(Country.objects.values_list("name", "id"))
            for batch in _batches(csv.DictReader(stream)):
                made = [Partner(country_id=countries[row.pop("country_id")], **row) for row in batch]
                for partner in made:
                    partner.clean_fields(exclude=("country", "parent", "user", "company"))
                Partner.objects.bulk_create(made)
                rows += len(made)
            raise _Undo
        return rows

    def touch(self, database: str) -> None:
        """Read some partners of another database, over a connection that stays open."""
        from django.db import connections

        from bench.peers.apart.django_contacts.models import Partner

        connections.settings[database] = {**connections["default"].settings_dict, "NAME": database}
        list(Partner.objects.using(database).seen().values_list("name")[:10])


class _Undo(Exception):
    """Nothing of this shall last."""


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, 1000)):
        yield batch


class _Work:
    """The operations; each call takes the next input."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        from bench.peers.apart.django_contacts.models import Partner, PartnerSerializer

        self._model, self._serializer = Partner, PartnerSerializer
        self._visible: Sequence[int] = told["visible"]
        self._changed: Sequence[int] = told["changed"]
        self._ids, self._cities = inputs.some_ids(self._visible), inputs.cities()
        self._pages, self._api_pages = inputs.pages(), inputs.pages()
        self._batches, self._numbers = inputs.new_batches(), iter(range(10_000_000))

    def operations(self) -> dict[str, Any]:
        return {
            "get by id": self._get,
            "search 80": self._search,
            "search_read 80 x 10": self._search_read,
            "search_read_json 80 x 10": self._api,
            "count": self._count,
            "read_group by country": self._group,
            "1,000 many2one names": self._names,
            "create 1,000": self._create,
            "update 1,000": self._update,
        }

    def answers(self) -> dict[str, object]:
        return {
            "get": [str(value) for value in self._get()[:10]],
            "search": list(self._search()),
            "page": [row[0] for row in self._search_read()],
            "count": self._count(),
            "groups": sorted([n, total] for _, _, n, total in self._group()),
            "names": sorted({name for _, _, name in self._names()}),
        }

    def _get(self) -> tuple[Any, ...]:
        found = self._model.objects.seen().values_list(*inputs.COLUMNS, "country__name")
        return found.get(pk=next(self._ids))

    def _search(self) -> list[int]:
        from django.db.models.functions import Lower

        found = self._model.objects.seen().filter(city=next(self._cities))
        return list(found.order_by(Lower("name"), "name", "id").values_list("id", flat=True)[:80])

    def _page(self, start: int) -> Partners:
        from django.db.models.functions import Lower

        return self._model.objects.seen().order_by(Lower("name"), "name", "id")[start : start + 80]

    def _search_read(self) -> list[tuple[Any, ...]]:
        return list(self._page(next(self._pages)).values_list("id", *inputs.COLUMNS, "country__name"))

    def _api(self) -> bytes:
        from rest_framework.renderers import JSONRenderer

        found = self._page(next(self._api_pages)).select_related("country")
        return JSONRenderer().render(self._serializer(found, many=True).data)

    def _count(self) -> int:
        return self._model.objects.seen().filter(country_id__in=_COUNTRIES).count()

    def _group(self) -> list[tuple[Any, ...]]:
        from django.db.models import Count, Sum

        found = self._model.objects.seen().values_list("country_id", "country__name")
        return list(found.annotate(n=Count("id"), total=Sum("customer_rank")).order_by("country__name", "country_id"))

    def _names(self) -> list[tuple[Any, ...]]:
        found = self._model.objects.seen().filter(pk__in=self._visible[:1000])
        return list(found.values_list("id", "country_id", "country__name"))

    def _create(self) -> list[Partner]:
        made = [self._model(**{**row, "country_id": 1}) for row in next(self._batches)]
        return self._model.objects.bulk_create(made)

    def _update(self) -> int:
        from django.db.models import F
        from django.utils import timezone

        found = self._model.objects.seen().filter(pk__in=self._changed)
        phone = str(next(self._numbers))
        return found.update(phone=phone, write_uid=1, write_date=timezone.now(), version=F("version") + 1)


if __name__ == "__main__":
    serve(Django())
