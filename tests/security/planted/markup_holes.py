"""Planted: escaping switched off, templates from text, style and handlers in markup."""

import jinja2
from markupsafe import Markup


def cell(value, text):
    Markup(value)  # hole: growsoft-markup-without-reason
    Markup("<b>") + value  # hole: growsoft-markup-without-reason
    Markup("<br>")  # safe: a literal without any value
    jinja2.Environment(autoescape=False)  # hole: growsoft-autoescape-off
    environment = jinja2.Environment(autoescape=True)
    environment.from_string(text)  # hole: growsoft-template-from-text
    jinja2.Template(text)  # hole: growsoft-template-from-text
    environment.get_template("list.html")
    '<td class="number" style="color: red">'  # hole: growsoft-inline-style-in-python
    '<button onclick="go()">'  # hole: growsoft-inline-style-in-python
    return '<button class="go" type="button">'
