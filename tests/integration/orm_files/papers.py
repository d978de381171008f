"""Papers: an app with files, and with records of several kinds of rights that attachments can belong to."""

from __future__ import annotations

from growsoft.orm import Access, App, Follows, Group, Model, Rule, current, fields

app = App(
    name="papers",
    version="1.0",
    package=__name__,
    depends=("base",),
    groups=(
        Group("papers.writer", "Writer", implied=("base.user",)),
        Group("papers.reader", "Reader", implied=("base.user",)),
        Group("papers.editor", "Editor", implied=("papers.writer",)),
        Group("papers.secrets", "Keeper of secrets", implied=("papers.writer",)),
    ),
)


class Paper(Model):
    """Paper: its writer's own; readers see published ones."""

    _name = "papers.paper"

    name = fields.Char(required=True)
    user_id = fields.Many2one("res.users", default=lambda env: env["res.users"].browse(env.user_id))
    published = fields.Boolean()
    locked = fields.Boolean()
    scan = fields.Binary(max_size=100_000)
    secret_scan = fields.Binary(groups="papers.secrets")

    writers = Access("papers.writer")
    readers = Access("papers.reader", "read")
    own = Rule(user_id == current.user, group="papers.writer")
    all = Rule(name != "", group="papers.editor")
    out = Rule(published == True, group="papers.reader")  # noqa: E712  a condition, not a truth value
    unlocked = Rule(locked == False, verbs=("write", "unlink"))  # noqa: E712


class Vault(Model):
    """Vault: nobody but keepers of secrets knows of it."""

    _name = "papers.vault"

    name = fields.Char(required=True)

    keepers = Access("papers.secrets")


class Note(Model):
    """Note: whoever reads a record may add one."""

    _name = "papers.note"
    _rec_name = "text"

    text = fields.Char(required=True)
    res_model = fields.Char()
    res_id = fields.Many2oneReference()

    owner = Follows(create="read")
    everybody = Access("base.user")
