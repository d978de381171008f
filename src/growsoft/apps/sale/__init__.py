"""Sales: quotations, and the orders that they become."""

from growsoft.orm import App, Group

app = App(
    name="sale",
    version="1.0",
    package="growsoft.apps.sale",
    summary="Quotations and sales orders",
    depends=("base", "contacts", "products"),
    groups=(
        Group("sale.salesperson", "Sales: own orders", implied=("base.user", "contacts.user")),
        Group("sale.manager", "Sales: all orders", implied=("sale.salesperson",)),
        Group("base.admin", "Administrator", implied=("sale.manager",)),
    ),
    data=("data/ir.sequence.csv",),
)
