"""Views of the showcase: a form with headings, steps and lines, a search with filters; the rest are default views."""

from growsoft.views.values import Action, Filter, Form, Group, Lines, List, Menu, Search, Tab
from tests.support.showcase.models import Item, State

item_form = Form(
    "show.item",
    Group("", "name", "code", "owner_id", "tag_ids"),
    Group("Figures", "count", "weight", "currency_id", "price", "total", "day", "moment", "active"),
    Tab("Notes", Group("", "note", "secret", "creator_id")),
    Tab("Life", Group("", "state")),
    Lines("line_ids", "name", "owner_id", "quantity"),
    status="state",
    actions=(
        Action("Open it", Item.action_open, when=Item.state == State.DRAFT),
        Action("Finish", Item.action_finish, when=Item.state == State.OPEN, confirm="Finish? It is not opened again."),
    ),
)
item_search = Search(
    "show.item",
    "name",
    "code",
    filters=(
        Filter("open", "Open", Item.state == State.OPEN),
        Filter("many", "Many", Item.count >= 100),
    ),
)
owner_list = List("show.owner", "name", "city", order="city, name")

items = Menu("Items", "show.item", "Showcase", 1)
owners = Menu("Owners", "show.owner", "Showcase", 2)
tags = Menu("Tags", "show.tag", "Showcase", 3)
