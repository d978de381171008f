"""Products: what a company buys and sells, in categories."""

from growsoft.orm import App, Group

app = App(
    name="products",
    version="1.1",
    package="growsoft.apps.products",
    summary="Products and their categories",
    depends=("base", "contacts"),
    groups=(
        Group("products.manager", "Products: write", implied=("base.user",)),
        Group("base.admin", "Administrator", implied=("products.manager",)),
    ),
)
