"""Places: continents, data centres on them, and the documents that say how these are guarded."""

from __future__ import annotations

from datetime import date
from enum import Enum
from typing import cast

from babel import Locale

from growsoft.apps.base.models import Country
from growsoft.errors import ConfigError, ValidationError
from growsoft.orm import Access, Model, api, fields
from growsoft_cloud.fleet import places


class Criterion(Enum):
    """What the security policy asks of every data centre."""

    PERIMETER = "perimeter"
    ACCESS_CONTROL = "access_control"
    CAMERAS = "cameras"
    PERSONNEL = "personnel"


class Land(Model):
    """Continent: a copy on another one survives what can happen to this one."""

    _name = "fleet.continent"
    _order = "name"

    name = fields.Char(required=True, unique="This continent is there already.", size=40)

    operators = Access("instance.operator", "read")

    @api.constrains("name")
    def _check_name(self) -> None:
        known = {continent.value for continent in places.Continent}
        for land in self:
            if land.name not in known:
                raise ValidationError(f"{land.name} is no continent; there are {', '.join(sorted(known))}.")


class DataCentre(Model):
    """Data centre: one building of one provider. Its location is published on the privacy page."""

    _name = "fleet.data_centre"
    _order = "name"

    name = fields.Char(required=True, unique="There is a data centre of this name already.", size=63)
    provider = fields.Char(required=True, size=100)
    city = fields.Char(required=True, size=100)
    country_id = fields.Many2one(Country, required=True)
    continent_id = fields.Many2one(Land, required=True)
    simulated = fields.Boolean("Played by this machine", readonly=True)
    attestation_ids: fields.One2many[Attestation] = fields.One2many(
        "fleet.attestation", "Attestations", inverse="data_centre_id"
    )

    # Published to everybody, so whoever looks databases up may read them as well.
    directory = Access("instance.directory", "read")
    operators = Access("instance.operator")

    @api.computed("city", "country_id.code", "continent_id.name", store=True, string="Location")
    def location(self) -> str:
        """Where it is, as the privacy page says it: in one language, so that everybody reads the same."""
        countries = cast("dict[str, str]", Locale("en").territories)
        country = countries.get(self.country_id.code, self.country_id.code)
        return f"{self.city}, {country} ({self.continent_id.name})"

    def value(self) -> places.DataCentre:
        """Return what a policy counts; raises ``ConfigError`` for what could not be published."""
        self.ensure_one()
        return places.DataCentre(
            self.name, places.Continent(self.continent_id.name), self.city, self.country_id.code, self.provider
        )

    def missing_attestations(self, today: date) -> list[Criterion]:
        """Return what nobody has attested for today: such a data centre must not take customers."""
        self.ensure_one()
        valid = {found.criterion for found in self.attestation_ids if found.expires_on >= today}
        return [criterion for criterion in Criterion if criterion not in valid]

    @api.constrains("name", "city", "country_id", "continent_id")
    def _check_value(self) -> None:
        for centre in self:
            try:
                centre.value()
            except ConfigError as error:
                raise ValidationError(error.message) from error


class Attestation(Model):
    """Attestation: somebody has seen the document that says that a data centre meets a criterion, until a day."""

    _name = "fleet.attestation"
    _order = "expires_on, id"
    _rec_name = "document"

    data_centre_id = fields.Many2one(DataCentre, required=True)
    criterion = fields.Selection(Criterion, required=True)
    document = fields.Char(required=True, help="Where the provider's document is, such as a report's number.")
    attested_by = fields.Char(required=True)
    attested_on = fields.Date(required=True)
    expires_on = fields.Date(required=True)

    operators = Access("instance.operator")

    @api.constrains("attested_on", "expires_on")
    def _check_days(self) -> None:
        for attestation in self:
            if attestation.expires_on <= attestation.attested_on:
                raise ValidationError("An attestation must end after the day on which it was given.")
