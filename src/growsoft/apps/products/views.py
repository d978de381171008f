"""Products views: lists, forms and searches of products and categories."""

from __future__ import annotations

from growsoft.apps.products.models import Product
from growsoft.views.values import Chart, Filter, Form, Group, GroupBy, Kanban, List, Menu, Search

product_list = List(
    "product.product", "name", "default_code", "categ_id", "supplier_id", "uom_name", "list_price", "qty_available"
)
product_form = Form(
    "product.product",
    Group("", "name", "default_code", "categ_id", "sale_ok", "company_id", "active"),
    Group("Price", "list_price", "standard_price", "uom_name"),
    Group("Stock", "qty_available", "incoming_qty", "reordering_min_qty", "supplier_id"),
    Group("Description", "description_sale"),
)
product_search = Search(
    "product.product",
    "name",
    "default_code",
    filters=(
        Filter("sold", "Can be sold", Product.sale_ok == True),  # noqa: E712  a condition, not a truth value
        Filter("short", "None on hand", Product.qty_available <= 0),
    ),
    groups=(GroupBy("Category", Product.categ_id), GroupBy("Supplier", Product.supplier_id)),
)
product_board = Kanban(Product, Product.categ_id, Product.default_code, Product.list_price, Product.qty_available)
product_chart = Chart(Product, Product.categ_id, measure=Product.qty_available)
product_menu = Menu("Products", "product.product", "Products", 30)

category_list = List("product.category", "name", "code", "parent_id", "description")
category_form = Form("product.category", Group("", "name", "code", "parent_id"), Group("Description", "description"))
category_search = Search("product.category", "name", "code")
category_menu = Menu("Categories", "product.category", "Products", 31)
