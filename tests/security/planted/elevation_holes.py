"""Planted: elevation without a reason."""


def numbering(records, reason, number):
    records.sudo()  # hole: growsoft-sudo-without-reason
    records.sudo("")  # hole: growsoft-sudo-without-reason
    records.sudo("todo")  # hole: growsoft-sudo-without-reason
    records.sudo(reason)  # hole: growsoft-sudo-without-reason
    records.sudo(reason="fix").unlink()  # hole: growsoft-sudo-without-reason
    records.sudo(f"salespeople share numbering {number}")  # hole: growsoft-sudo-without-reason
    records.sudo("salespeople share one numbering").write({})
    return records.sudo(reason="salespeople share one numbering")
