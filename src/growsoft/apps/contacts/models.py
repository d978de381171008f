"""Contacts models: who a company deals with, and the contact that a user is."""

from __future__ import annotations

from growsoft.apps.base import models as base
from growsoft.orm import Access, Check, Model, company_rule, fields


class Partner(Model):
    """Contact: a person or an organisation, such as a customer, a supplier or a carrier."""

    _name = "res.partner"
    _order = "name"
    _parent_name = "parent_id"

    name = fields.Char(required=True, index="trigram")
    ref = fields.Char("Reference", index=True, unique="Another contact has this reference.", unique_per="company_id")
    company_name = fields.Char(help="The company of a person who is no contact of a company here.")
    is_company = fields.Boolean("Is a company")
    parent_id: fields.Many2one[Partner] = fields.Many2one("res.partner", "Belongs to", check_company=True)
    child_ids: fields.One2many[Partner] = fields.One2many("res.partner", "Persons", inverse="parent_id")
    function = fields.Char("Job position")
    email = fields.Char("E-mail")
    phone = fields.Char()
    website = fields.Char()
    street = fields.Char()
    city = fields.Char(index=True)
    state_id = fields.Many2one(base.CountryState)
    zip = fields.Char("Postal code")
    country_id = fields.Many2one(base.Country)
    user_id = fields.Many2one(base.Users, "Salesperson")
    customer_rank = fields.Integer(help="Above zero: a customer.", index=True)
    supplier_rank = fields.Integer(help="Above zero: a supplier.", index=True)
    comment = fields.Text("Notes")
    company_id = fields.Many2one(base.Company, help="Empty: all companies share the contact.")
    active = fields.Boolean(default=True)

    sane_ranks = Check((customer_rank >= 0) & (supplier_rank >= 0), "A rank is zero or more.")

    own_companies = company_rule()
    everybody = Access("base.user", "read")
    writers = Access("contacts.user", "read", "create", "write")
    managers = Access("contacts.manager")


class Users(base.Users, extend=True):
    """A user is a contact, too: colleagues have addresses."""

    partner_id = fields.Many2one(Partner, "Contact")
