"""Partners under a rule."""

from growsoft.apps.contacts.models import Partner as Contact
from growsoft.orm import Access, Rule

# customer_rank runs from 0 to 99, evenly.
HIDDEN_BELOW = 18


class Partner(Contact, extend=True):
    """Members of the bench's group see partners from a certain rank on."""

    bench_access = Access("bench.user")
    bench_rule = Rule(Contact.customer_rank >= HIDDEN_BELOW, group="bench.user")
