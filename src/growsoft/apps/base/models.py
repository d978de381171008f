"""Base models: who uses the system, for which companies, in which countries and currencies."""

from __future__ import annotations

import mimetypes
from decimal import Decimal
from functools import cache
from zoneinfo import available_timezones

from growsoft.apps.base.data import country_codes
from growsoft.errors import ValidationError
from growsoft.exchange.naming import Naming
from growsoft.orm import Access, Check, Env, Follows, Model, api, fields
from growsoft.orm.fields.scalar import rounded
from growsoft.words import _


class Currency(Model):
    """Currency: a code of ISO 4217, and how many decimals amounts in it have."""

    _name = "res.currency"
    _order = "name"

    name = fields.Char(required=True, unique="This currency exists already.", size=3)
    full_name = fields.Char(translate=True)
    symbol = fields.Char(size=8)
    decimal_places = fields.Integer(default=2)
    active = fields.Boolean(default=True)

    sane_decimals = Check((decimal_places >= 0) & (decimal_places <= 6), "A currency has between 0 and 6 decimals.")

    everybody = Access("base.user", "read")
    administrators = Access("base.admin", "read", "create", "write")

    def round(self, amount: Decimal) -> Decimal:
        """Round half up to the currency's decimals."""
        return rounded(amount, self.decimal_places)


class Country(Model):
    """Country: its codes of ISO 3166-1 and its name in the CLDR."""

    _name = "res.country"
    _order = "name"

    name = fields.Char(required=True, index="trigram", translate=True)
    code = fields.Char("Alpha-2 code", required=True, unique="This country exists already.", size=2)
    alpha3 = fields.Char("Alpha-3 code", size=3, index=True)
    currency_id = fields.Many2one(Currency)

    naming = Naming(keys=("code", "alpha3", "name"), words=country_codes)
    everybody = Access("base.user", "read")
    administrators = Access("base.admin", "read", "create", "write")


def _named_state(text: str) -> dict[str, object]:
    # Short capitals are what post offices use: WA, NSW.
    return {"name": text, "code": text if len(text) <= 3 and text.isupper() else ""}


class CountryState(Model):
    """State: a state, province or region of a country."""

    _name = "res.country.state"
    _order = "name"

    name = fields.Char(required=True)
    code = fields.Char(index=True)
    country_id = fields.Many2one(Country)

    naming = Naming(keys=("code", "name"), within="country_id", made=_named_state)
    everybody = Access("base.user", "read", "create")
    administrators = Access("base.admin", "read", "create", "write", "unlink")


class Company(Model):
    """Company: a legal entity whose books are kept here."""

    _name = "res.company"
    _order = "name"

    name = fields.Char(required=True, unique="A company of this name exists already.")
    currency_id = fields.Many2one(Currency, required=True)
    country_id = fields.Many2one(Country)

    everybody = Access("base.user", "read")
    administrators = Access("base.admin", "read", "create", "write")


def current_company(env: Env) -> Company:
    """Give the company that somebody works in: the first of his active ones; elevated code takes the first there is."""
    return env[Company].browse(env.company_id) or env[Company].search([], limit=1, order="id")


class Groups(Model):
    """Group: what its users may do; whoever is in it is in the implied groups too."""

    _name = "res.groups"
    _order = "name"

    name = fields.Char(required=True, translate=True)
    # The name that apps use. Only the loading of an app sets it: PostgreSQL gives it to nobody else.
    key = fields.Char(readonly=True, unique=True)
    comment = fields.Text(translate=True)
    implied_ids: fields.Many2many[Groups] = fields.Many2many("res.groups", "Implied groups")

    everybody = Access("base.user", "read")
    administrators = Access("base.admin")


class Users(Model):
    """User: somebody who signs in. Passwords are not here: PostgreSQL keeps their verifiers where nobody reads them."""

    _name = "res.users"
    _order = "name"

    name = fields.Char(required=True)
    login = fields.Char(required=True, unique="Somebody has this login already.", size=200)
    email = fields.Char()
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(Company)
    company_ids = fields.Many2many(Company, "Companies")
    groups_id = fields.Many2many(Groups, "Groups")
    lang = fields.Char(default="en_US", size=16)
    tz = fields.Char("Time zone", default="UTC", size=64)

    everybody = Access("base.user", "read")
    administrators = Access("base.admin", "read", "create", "write")

    @api.constrains("lang", "tz")
    def _check_preferences(self) -> None:
        known = set(self.env.registry.languages)
        for user in self:
            if user.lang not in known:
                raise ValidationError(_("Language: choose one of {known}.", known=", ".join(sorted(known))))
            if user.tz not in _zones():
                raise ValidationError(_("Time zone: choose one of the list, such as Europe/Brussels."))

    @api.constrains("login")
    def _check_login(self) -> None:
        for user in self:
            if user.login != user.login.strip() or any(character.isspace() for character in user.login):
                raise ValidationError(_("A login has no spaces; use an e-mail address or a short name."))


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones()) | {"UTC"}


class Attachment(Model):
    """Attachment: a file that belongs to a record, whatever its model, and has its rights.

    One that names no record is its maker's alone, until it is given to one.
    """

    _name = "ir.attachment"
    _order = "id desc"

    name = fields.Char(required=True, size=255)
    description = fields.Text()
    res_model = fields.Char("Model", size=64)
    res_id = fields.Many2oneReference("Record", model_field="res_model")
    datas = fields.Binary("File", required=True)

    owner = Follows("res_model", "res_id")
    everybody = Access("base.user")

    @api.computed("datas", store=True)
    def file_size(self) -> int:
        """The size in bytes."""
        return self.datas.size if self.datas else 0

    @api.computed("name", store=True, string="Type")
    def mimetype(self) -> str:
        """What the name says it is. Nothing believes it: what is shown is decided by a short list of harmless types."""
        return mimetypes.guess_type(self.name, strict=True)[0] or "application/octet-stream"

    @api.constrains("res_model", "res_id")
    def _check_owner(self) -> None:
        for attachment in self:
            known = attachment.res_model in self.env.registry.models
            if bool(attachment.res_model) != bool(attachment.res_id) or (attachment.res_model and not known):
                raise ValidationError(_("An attachment names a record by its model and its id, or none at all."))


class Setting(Model):
    """Setting: a choice that holds for the whole database."""

    _name = "ir.config_parameter"
    _order = "key"
    _rec_name = "key"

    key = fields.Char(required=True, unique="This setting exists already.")
    value = fields.Text()

    administrators = Access("base.admin")

    def get(self, key: str, default: str = "") -> str:
        """Give a value."""
        found = self.sudo("settings steer code for every user").search(Setting.key == key)
        return found.value if found else default


class ExternalId(Model):
    """External id: the name by which the files of an app know a record; noupdate leaves the record to its people."""

    _name = "ir.model.data"
    _order = "module, name"
    _rec_name = "complete_name"

    module = fields.Char("App", required=True, size=40)
    name = fields.Char(required=True, size=80)
    model = fields.Char(required=True, index=True, size=120)
    res_id = fields.Integer("Record", required=True, index=True)
    noupdate = fields.Boolean()

    administrators = Access("base.admin", "read")

    @api.computed("module", "name", store=True, unique="There is a record with this external id already.")
    def complete_name(self) -> str:
        """The app and the name with a point between them."""
        return f"{self.module}.{self.name}"
