"""Stored payment methods, and the gateway's pages that store them.

Of a card only the token, brand, last four digits and expiry are kept.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from brand.queries import operator
from moportal.sealed import SealedField
from payments.states import (
    PAGE_UNDER_WAY,
    CardPageState,
    MethodKind,
)


def bill_label(last4: str) -> str:
    """Return the name of the operator's bill as the customer reads it, in the current language."""
    names = {"operator": operator().name, "last4": last4}
    return _("%(operator)s's bill for the number ending in %(last4)s") % names


class PaymentMethod(models.Model):
    """A customer's payment method. `token` is a card's token, a voucher's code or a bill's number.

    A method that the customer removes is never offered or accepted again. The gateway
    forgets it as soon as no payment needs it.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="payment_methods"
    )
    gateway = models.CharField(
        max_length=20, help_text="The gateway that knows it, and that makes its payments."
    )
    kind = models.CharField(
        max_length=8, choices=MethodKind, default=MethodKind.CARD, db_default=MethodKind.CARD.value
    )
    token = SealedField()
    brand = models.CharField(max_length=20, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    expiry_month = models.PositiveSmallIntegerField(null=True, blank=True)
    expiry_year = models.PositiveSmallIntegerField(null=True, blank=True)
    is_kept = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Whether the customer wants it for later. Any other method pays once.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="When the bank refused it for good. It is not tried again."
    )
    forgotten_at = models.DateTimeField(
        null=True, blank=True, help_text="When the gateway removed it as well."
    )
    # How often the removal at the gateway has failed.
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    last_error = models.CharField(max_length=200, blank=True, db_default="")

    class Meta:
        permissions = [("settle_removal", "Can settle the removal of a card at the gateway")]
        indexes = [
            models.Index(
                name="methods_to_forget",
                fields=["removed_at"],
                condition=Q(removed_at__isnull=False, forgotten_at__isnull=True),
            ),
        ]
        constraints = [
            models.CheckConstraint(name="payment_method_has_a_gateway", condition=~Q(gateway="")),
            models.CheckConstraint(
                name="method_kind_known", condition=Q(kind__in=MethodKind.values)
            ),
            models.CheckConstraint(
                name="card_expires_in_a_month",
                condition=~Q(kind="card")
                | Q(
                    expiry_month__isnull=False,
                    expiry_month__range=(1, 12),
                    expiry_year__isnull=False,
                ),
            ),
            models.CheckConstraint(
                name="only_a_card_has_a_brand_and_an_expiry",
                condition=Q(kind="card")
                | Q(brand="", expiry_month__isnull=True, expiry_year__isnull=True),
            ),
            models.CheckConstraint(
                name="only_the_last_four_of_a_card",
                condition=~Q(kind="card") | Q(last4__regex=r"^[0-9]{4}$"),
            ),
            models.CheckConstraint(
                name="only_the_last_four_of_a_code",
                condition=Q(kind="page", last4="") | Q(last4__regex=r"^[0-9A-Z]{4}$"),
            ),
            models.CheckConstraint(
                name="nothing_is_known_before_the_page", condition=~Q(kind="page") | Q(token="")
            ),
            models.CheckConstraint(
                name="what_is_forgotten_was_removed_and_has_no_token",
                condition=Q(forgotten_at__isnull=True) | Q(removed_at__isnull=False, token=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand or self.get_kind_display()} {self.last4}"

    @property
    def label(self) -> str:
        """Return the method's name as the customer reads it, in the current language."""
        if self.kind == MethodKind.PAGE:
            return _("A card on our payment provider's page")
        if self.kind == MethodKind.VOUCHER:
            return _("Voucher ending in %(last4)s") % {"last4": self.last4}
        if self.kind == MethodKind.BILL:
            return bill_label(self.last4)
        return _("%(brand)s ending in %(last4)s") % {"brand": self.brand, "last4": self.last4}

    @property
    def expiry(self) -> str:
        """Return the card's expiry as MM/YY, or an empty text for a method that has none."""
        if self.expiry_month is None or self.expiry_year is None:
            return ""
        return f"{self.expiry_month:02d}/{self.expiry_year % 100:02d}"

    @property
    def is_expired(self) -> bool:
        """Say whether the card's last month is over."""
        if self.expiry_month is None or self.expiry_year is None:
            return False
        today = now()
        return (self.expiry_year, self.expiry_month) < (today.year, today.month)


class CardPage(models.Model):
    """A page of the gateway on which a customer types a new card. `key` is its idempotency key.

    The row is stored before any call. A worker makes the calls (`payments.domain.pages`).
    """

    key = models.UUIDField(unique=True, default=uuid.uuid4)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="card_pages"
    )
    state = models.CharField(max_length=8, choices=CardPageState, default=CardPageState.INTENDED)
    return_url = models.URLField(
        max_length=500, help_text="The page that the gateway sends the customer back to."
    )
    gateway = models.CharField(max_length=20, help_text="The gateway whose page it is.")
    gateway_id = models.CharField(max_length=80, blank=True)
    url = models.URLField(max_length=2000, blank=True)
    method = models.OneToOneField(
        PaymentMethod, null=True, blank=True, on_delete=models.PROTECT, related_name="card_page"
    )
    tries = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(
        null=True, blank=True, help_text="When the customer's browser was sent to the page."
    )
    returned_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the customer came back. Cleared once the gateway has been asked.",
    )

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(name="card_page_has_a_gateway", condition=~Q(gateway="")),
            models.CheckConstraint(
                name="card_page_state_known", condition=Q(state__in=CardPageState.values)
            ),
            models.CheckConstraint(
                name="open_card_page_has_an_address",
                condition=~Q(state__in=["open", "taken"]) | ~Q(gateway_id="") & ~Q(url=""),
            ),
            models.CheckConstraint(
                name="card_page_has_a_method_once_it_is_taken",
                condition=Q(state="taken", method__isnull=False)
                | ~Q(state="taken") & Q(method__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"card page {self.state}"

    @property
    def is_under_way(self) -> bool:
        return self.state in PAGE_UNDER_WAY
