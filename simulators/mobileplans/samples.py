"""What to try on a demo portal: its accounts, the payment simulator's test cards, and its SIMs.

`manage.py load_demo` creates these accounts and SIMs. The ICCIDs are invented: no operator uses
their range.
"""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

CUSTOMER, CUSTOMER_PASSWORD = "demo@kestrel.example", "kestrel-demo-2026"
# This customer has proven to be the holder of some numbers, and so can pay on their bills.
HOLDER = "kim@kestrel.example"
STAFF, STAFF_PASSWORD = "staff@kestrel.example", "kestrel-staff-2026"
UNUSED_ICCID = "8944110000000000008"
OUTSIDE_ICCID = "8944110000000000016"
MICROBALANCE_ICCID = "8944110000000000024"
WITH_PLAN_ICCID = "8944110000000000032"
INSTALLED_ICCID = "8944110000000000040"
# The customer system's simulator has its line, with a holder who is identified.
IDENTIFIED_ICCID, IDENTIFIED_BILL_CODE = "8944999100000000085", "HOLD-4716-FJRD"
# Whoever knows the last four digits proves that the SIM is theirs.
UNUSED_PUK, INSTALLED_PUK = "73920415", "61840752"


class Account(NamedTuple):
    """Someone who can sign in, and what they can see."""

    identifier: str
    password: str
    role: Promise
    purpose: Promise


class Sample(NamedTuple):
    """A number to type in, and what happens with it."""

    number: str
    purpose: Promise

    @property
    def grouped(self) -> str:
        """Return the number in groups of four digits, as it is printed on a card."""
        return " ".join(self.number[start : start + 4] for start in range(0, len(self.number), 4))


ACCOUNTS = (
    Account(CUSTOMER, CUSTOMER_PASSWORD, _("Customer"), _("Has a half-used plan on a SIM card")),
    Account(STAFF, STAFF_PASSWORD, pgettext_lazy("account", "Staff"), _("Signs in at /admin/")),
)
CARDS = (
    Sample("4242424242424242", _("Approved")),
    Sample("4000002760003184", _("The bank asks for confirmation")),
    Sample("4000000000000077", _("Charged with the authorisation")),
    Sample("4000000000007726", _("Approved. A refund takes its time")),
    Sample("4000000000005126", _("Approved. A refund fails")),
    Sample("4000000000002685", _("Approved, then disputed: the customer says nothing came")),
    Sample("4000000000000259", _("Approved, then disputed as fraud")),
    Sample("4000000000001976", _("Approved. Then the bank asks about the charge")),
    Sample("4000000000005423", _("Approved. Then the bank warns of fraud")),
    Sample("4000002500003155", _("Declined without the customer: the bank asks for confirmation")),
    Sample("4000000000000341", _("Declined without the customer: insufficient funds")),
    Sample("4000000000007312", _("Declined without the customer for good: stolen card")),
    Sample(
        "4000000000007320", _("Declined without the customer. Another try may work in three days")
    ),
    Sample("4000000000000002", _("Declined")),
    Sample("4000000000009995", _("Declined: insufficient funds")),
    Sample("4000000000000069", _("Declined: card expired")),
    Sample("4000000000009979", _("Declined for good: stolen card")),
    Sample("4000000000000127", _("Declined: wrong security code")),
    Sample("4000000000000119", _("Declined: processing error")),
)
SIMS = (
    Sample(UNUSED_ICCID, _("SIM card without a plan. PUK: 73920415")),
    Sample(WITH_PLAN_ICCID, _("The demo customer's SIM card, with a half-used plan")),
    Sample(MICROBALANCE_ICCID, _("SIM card with only a microbalance: balance of type NONE")),
    Sample(OUTSIDE_ICCID, _("SIM card outside the programme: balance NOTSUPPORTED")),
    Sample(
        IDENTIFIED_ICCID,
        _("SIM card in Dubai with an identified holder. Code on the bill: HOLD-4716-FJRD"),
    ),
    Sample(
        INSTALLED_ICCID,
        _("eSIM profile without a plan: enter it in the field iccids. PUK: 61840752"),
    ),
)
