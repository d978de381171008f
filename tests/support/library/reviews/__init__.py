"""Reviews: what readers think of books; it extends the library's own model, too."""

from growsoft.orm import App, Group

app = App(
    name="reviews",
    version="1.0",
    package="tests.support.library.reviews",
    depends=("library",),
    groups=(Group("reviews.critic", "Critic", implied=("library.user",)), Group("base.admin", "Administrator")),
    data=("data/ir.sequence.csv",),
)
