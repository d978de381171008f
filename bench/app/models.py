"""Partners under a rule."""

from growsoft.apps.contacts.models import Partner as Contact
from growsoft.orm import Access, Rule, current

# customer_rank runs from 0 to 99, evenly.
HIDDEN_BELOW = 18


class Partner(Contact, extend=True):
    """Members of the bench's groups see partners from a certain rank on, or those they are the salesperson of."""

    bench_access = Access("bench.user")
    bench_rule = Rule(Contact.customer_rank >= HIDDEN_BELOW, group="bench.user")
    narrow_access = Access("bench.narrow")
    narrow_rule = Rule(Contact.user_id == current.user, group="bench.narrow")
