"""Mixed: a model that says two things about who sees its rows."""

from growsoft.orm import Access, Follows, Model, Rule, fields


class Mixed(Model):
    """Mixed: follows a record and has a rule of its own for a group."""

    _name = "mixed.mixed"

    name = fields.Char()
    res_model = fields.Char()
    res_id = fields.Many2oneReference()

    owner = Follows()
    some = Rule(name == "x", group="mixed.user")
    users = Access("mixed.user")
