"""Anchors: one app changes a view of another beside what is there, and is told what there is when it is not."""

from __future__ import annotations

import pytest

from growsoft.apps.contacts.models import Partner
from growsoft.apps.sale.models import Order, OrderLine
from growsoft.apps.sale.views import order_form, order_list
from growsoft.views.extending import NoAnchor, extended_form, extended_list
from growsoft.views.values import Extension, Form, Group, GroupBy, Lines, List, Section, Tab

FORM = Form(
    Order,
    Group("", Order.name, Order.partner_id, Order.user_id),
    Tab("Delivery", Group("When", Order.commitment_date), Lines(Order.order_line, OrderLine.product_id)),
    Group("Total", Order.amount_total),
    status=Order.state,
)
LIST = List(Order, Order.name, Order.partner_id, Order.amount_total, totals=(Order.amount_total,))


def test_a_field_is_put_beside_another_one_in_its_group() -> None:
    form = extended_form(FORM, FORM.after(Order.partner_id, Order.company_id).before(Order.name, Order.date_order))
    assert form.tree[0] == Group("", "date_order", "name", "partner_id", "company_id", "user_id")
    assert form.tree[1:] == FORM.tree[1:]
    assert form.status == "state"


def test_a_part_is_put_beside_the_group_of_its_anchor_also_in_a_tab() -> None:
    parcel = Group("Parcel", Order.carrier_id)
    form = extended_form(FORM, FORM.after(Order.commitment_date, parcel).before(Section("Total"), Group("", "note")))
    lines = Lines("order_line", "product_id")
    assert form.tree[1] == Tab("Delivery", Group("When", "commitment_date"), parcel, lines)
    assert form.tree[2] == Group("", "note")


def test_fields_come_to_the_end_of_a_group_of_a_tab_and_of_the_form() -> None:
    change = FORM.at_end(Order.effective_date, of="When").at_end(Order.carrier_id, of="Delivery").at_end(Order.note)
    form = extended_form(FORM, change)
    tab = form.tree[1]
    assert isinstance(tab, Tab)
    assert tab.parts[0] == Group("When", "commitment_date", "effective_date")
    assert tab.parts[-1] == Group("", "carrier_id")
    assert form.tree[-1] == Group("", "note")


def test_what_is_replaced_or_removed_is_gone_and_an_empty_group_with_it() -> None:
    form = extended_form(FORM, FORM.replace(Order.user_id, Order.company_id).remove(Order.amount_total))
    assert form.tree[0] == Group("", "name", "partner_id", "company_id")
    assert "Total" not in form.titles


def test_columns_of_lines_are_changed_inside_of_them() -> None:
    change = FORM.after(OrderLine.product_id, OrderLine.discount, inside=Order.order_line)
    lines = [part for part in extended_form(FORM, change).parts if isinstance(part, Lines)]
    assert lines == [Lines("order_line", "product_id", "discount")]


def test_two_apps_change_the_same_view_and_both_are_heard() -> None:
    form = extended_form(extended_form(FORM, FORM.after(Order.name, "note")), FORM.after(Order.name, "company_id"))
    assert form.tree[0] == Group("", "name", "company_id", "note", "partner_id", "user_id")


def test_a_list_keeps_totals_of_the_columns_it_still_has() -> None:
    assert extended_list(LIST, LIST.after(Order.name, Order.user_id)).columns == (
        "name", "user_id", "partner_id", "amount_total",
    )  # fmt: skip
    assert extended_list(LIST, LIST.remove(Order.amount_total)).totals == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (FORM.after(Order.note, "company_id"), "has no note to change it there; it has state, name, partner_id"),
        (FORM.at_end("note", of="Shipping"), "has no section 'Shipping'"),
        (FORM.at_end("note", of="Shipping"), "the sections Delivery, When, Total"),
        (FORM.after("price_unit", "discount", inside=Order.order_line), "it has product_id"),
        (FORM.after("price_unit", "discount", inside="message_ids"), "has no lines message_ids; it has order_line"),
        (FORM.at_end(Group("x", "note"), of="Total"), "Only fields"),
        (FORM.remove(*FORM.fields[1:4]).remove(Section("Total"), Section("Delivery")), "shows nothing"),
    ],
)
def test_an_anchor_that_is_not_there_is_an_error_that_says_what_there_is(change: Extension, says: str) -> None:
    with pytest.raises(NoAnchor) as error:
        extended_form(FORM, change)
    assert says in str(error.value)


def test_a_list_says_what_columns_it_has() -> None:
    with pytest.raises(NoAnchor, match=r"The list of sale.order has no note to change it there; it has name"):
        extended_list(LIST, LIST.after(Order.note, Order.user_id))
    with pytest.raises(NoAnchor, match=r"Without amount_total the list of sale.order has no columns"):
        extended_list(LIST, LIST.remove(*LIST.columns))


def test_names_may_be_fields_paths_or_text() -> None:
    assert GroupBy("Country", (Order.partner_id, Partner.country_id)).key == "partner_id.country_id"
    assert GroupBy("Month", Order.date_order, "month").key == "date_order:month"
    assert order_form.after("partner_id", "note") == order_form.after(Order.partner_id, Order.note)
    assert order_list.extension() == Extension("sale.order", "list")
