"""Contacts as a Tryton developer declares them: the same columns, links and indexes as the product's table."""

from __future__ import annotations

from sql.conditionals import Coalesce
from trytond.model import Check, Index, ModelSQL, fields


class Country(ModelSQL):
    """A country."""

    __name__ = "bench.country"

    name = fields.Char("Name", required=True)


class Company(ModelSQL):
    """A company, to be linked."""

    __name__ = "bench.company"

    name = fields.Char("Name", required=True)


class Partner(ModelSQL):
    """A contact."""

    __name__ = "bench.partner"

    name = fields.Char("Name", required=True)
    ref = fields.Char("Reference")
    company_name = fields.Char("Company name")
    is_company = fields.Boolean("Is a company")
    parent = fields.Many2One("bench.partner", "Belongs to", ondelete="RESTRICT")
    function = fields.Char("Job position")
    email = fields.Char("E-mail")
    phone = fields.Char("Phone")
    website = fields.Char("Website")
    street = fields.Char("Street")
    city = fields.Char("City")
    zip = fields.Char("Postal code")
    country = fields.Many2One("bench.country", "Country", ondelete="RESTRICT")
    salesperson = fields.Many2One("res.user", "Salesperson", ondelete="RESTRICT")
    customer_rank = fields.Integer("Customer rank")
    supplier_rank = fields.Integer("Supplier rank")
    comment = fields.Text("Notes")
    company = fields.Many2One("bench.company", "Company", ondelete="RESTRICT")
    active = fields.Boolean("Active")

    @classmethod
    def __setup__(cls) -> None:
        """Declare constraints and indexes."""
        super().__setup__()
        table = cls.__table__()
        cls._sql_constraints.append(
            ("ranks", Check(table, (table.customer_rank >= 0) & (table.supplier_rank >= 0)), "ir.msg_write_xml_record")
        )
        # Tryton compares text that may be unset as COALESCE(city, ''), so that is what an index has to be of.
        texts = tuple(Coalesce(column, "") for column in (table.ref, table.city))
        sorted_by = (table.name, *texts, table.customer_rank, table.supplier_rank)
        linked = (table.parent, table.country, table.salesperson, table.company)
        cls._sql_indexes.update({Index(table, (column, Index.Range())) for column in (*sorted_by, *linked)})

    @staticmethod
    def default_active() -> bool:
        """Say what a new one is."""
        return True

    @staticmethod
    def default_customer_rank() -> int:
        """Say what a new one is."""
        return 0

    @staticmethod
    def default_supplier_rank() -> int:
        """Say what a new one is."""
        return 0
