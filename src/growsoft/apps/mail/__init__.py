"""Mail: notes on records of any model, who follows them, and what is left to do."""

from growsoft.orm import App

app = App(
    name="mail",
    version="1.0",
    package="growsoft.apps.mail",
    summary="Notes, followers and activities on every record",
    depends=("base",),
    data=("data/mail.activity.type.csv",),
)
