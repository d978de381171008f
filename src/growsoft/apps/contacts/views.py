"""Contacts views: the list, the form and the search of contacts."""

from __future__ import annotations

from growsoft.apps.contacts.models import Partner
from growsoft.views.values import Chart, Filter, Form, Group, GroupBy, Kanban, Lines, List, Menu, Search

partner_list = List(
    "res.partner", "name", "ref", "company_name", "phone", "email", "city", "country_id", order="name, id"
)
partner_form = Form(
    "res.partner",
    Group("", "name", "ref", "is_company", "parent_id", "company_name", "function", "active"),
    Group("Address", "street", "city", "state_id", "zip", "country_id"),
    Group("Reach", "phone", "email", "website"),
    Group("Business", "user_id", "customer_rank", "supplier_rank", "company_id"),
    Group("Notes", "comment"),
    Lines("child_ids", "name", "function", "phone", "email"),
)
partner_search = Search(
    "res.partner",
    "name",
    "ref",
    "company_name",
    "city",
    filters=(
        Filter("customers", "Customers", Partner.customer_rank > 0),
        Filter("suppliers", "Suppliers", Partner.supplier_rank > 0),
        Filter("companies", "Companies", Partner.is_company == True),  # noqa: E712  a condition, not a truth value
        Filter("archived", "Archived", Partner.active == False),  # noqa: E712  as above
    ),
    groups=(
        GroupBy("Country", Partner.country_id),
        GroupBy("City", Partner.city),
        GroupBy("Salesperson", Partner.user_id),
        GroupBy("Company", Partner.parent_id),
    ),
)
partner_board = Kanban(Partner, Partner.country_id, Partner.city, Partner.phone)
partner_chart = Chart(Partner, Partner.country_id)
menu = Menu("Contacts", "res.partner", "Contacts", 20)
