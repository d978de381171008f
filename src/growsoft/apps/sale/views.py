"""Sales views: lists, forms and searches of orders and their lines."""

from __future__ import annotations

from growsoft.apps.contacts.models import Partner
from growsoft.apps.sale.models import Order, OrderState
from growsoft.views.values import (
    Action,
    Chart,
    Filter,
    Form,
    Group,
    GroupBy,
    Kanban,
    Lines,
    List,
    Menu,
    Pivot,
    Search,
    key_of,
)

order_list = List(
    "sale.order",
    "name",
    "date_order",
    "partner_id",
    "user_id",
    "commitment_date",
    "state",
    "amount_total",
    totals=(Order.amount_total,),
)
order_form = Form(
    "sale.order",
    Group("", "name", "partner_id", "user_id", "date_order", "validity_date"),
    Group("Delivery", "commitment_date", "effective_date", "carrier_id", "amount_delivery", "delivery_address"),
    Lines("order_line", "product_id", "name", "product_uom_qty", "price_unit", "discount", "price_subtotal"),
    Group("Total", "amount_total", "currency_id", "company_id"),
    Group("Terms", "note"),
    status="state",
    actions=(
        Action("Confirm", Order.action_confirm, when=Order.state.in_([OrderState.DRAFT, OrderState.SENT])),
        Action(
            "Cancel order",
            Order.action_cancel,
            when=Order.state.in_([OrderState.DRAFT, OrderState.SENT, OrderState.SALE]),
            confirm="Cancel this order? It stays here as cancelled.",
        ),
    ),
)
order_search = Search(
    "sale.order",
    "name",
    "partner_id",
    filters=(
        Filter("quotations", "Quotations", Order.state.in_([OrderState.DRAFT, OrderState.SENT])),
        Filter("orders", "Orders", Order.state == OrderState.SALE),
        Filter("cancelled", "Cancelled", Order.state == OrderState.CANCEL),
    ),
    groups=(
        GroupBy("Customer", Order.partner_id),
        GroupBy("Country", (Order.partner_id, Partner.country_id)),
        GroupBy("Salesperson", Order.user_id),
        GroupBy("State", Order.state),
        GroupBy("Month", Order.date_order, "month"),
        GroupBy("Year", Order.date_order, "year"),
    ),
)
order_board = Kanban(Order, Order.state, Order.partner_id, Order.date_order, Order.user_id, total=Order.amount_total)
order_chart = Chart(Order, key_of(Order.date_order, "month"), measure=Order.amount_total)
order_pivot = Pivot(
    Order,
    (Order.partner_id, Partner.country_id),
    column=key_of(Order.date_order, "year"),
    measures=(Order.amount_total,),
)
order_menu = Menu("Orders", "sale.order", "Sales", 10)

line_list = List(
    "sale.order.line", "order_id", "product_id", "product_uom_qty", "price_unit", "discount", "price_subtotal"
)
line_form = Form(
    "sale.order.line",
    Group("", "order_id", "product_id", "name"),
    Group("Amount", "product_uom_qty", "price_unit", "discount", "price_subtotal"),
)
line_search = Search("sale.order.line", "name", "product_id", "order_id")
