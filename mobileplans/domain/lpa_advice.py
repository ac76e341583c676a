"""The form of the advice on an LPA error, and the texts that several errors share."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise


class Remedy(StrEnum):
    """What the portal does about an LPA error (docs/contract.md#lpa-errors)."""

    NONE = "none"
    # Hand over the same activation code again.
    RETRY = "retry"
    # Cancel the old profile and issue a new one on the same order.
    REISSUE = "reissue"
    # The profile is on the device. Tell the host to use it.
    ACTIVATE = "activate"
    # The customer does something on the device, then gets the same activation code.
    DEVICE = "device"
    # Open a case for the support staff.
    SUPPORT = "support"


@dataclass(frozen=True)
class Advice:
    """One row: the meaning and advice for staff, then title, text and steps for the customer."""

    remedy: Remedy
    meaning: StrOrPromise
    staff_advice: StrOrPromise
    title: StrOrPromise
    text: StrOrPromise
    steps: tuple[StrOrPromise, ...] = ()
    # How often this remedy is offered before it becomes a support
    # case. None means the setting.
    limit: int | None = None


# Texts for the customer that several codes share.
NOT_FINISHED = _("The download didn't finish")
NO_ANSWER = _("The download server didn't respond")
CODE_FAILED = _("The activation code for your eSIM doesn't work")
CARD_FAILED = _("Your device couldn't use its eSIM chip")
OUR_PROBLEM = _("There is a problem on our side")
NOT_ALLOWED = _("Your device doesn't allow this eSIM")
NEW_ESIM_TEXT = _("We'll give you a new eSIM for the same plan. You won't be charged again.")
NOTHING_LOST_TEXT = _("Nothing is lost. Your plan and your eSIM are still available.")
SUPPORT_TEXT = _("You can't fix this on your device. Our support team will look into it.")
RESTART = _("Restart your device.")
STAY_ONLINE = _("Stay connected to Wi-Fi or another network until the download is finished.")
OTHER_NETWORK = _("Connect to a different network, such as another Wi-Fi network.")
ASK_IT_DEPARTMENT = _("If your device belongs to a company or a school, ask its IT department.")
CONSENT = _("When Windows asks whether to add the eSIM, choose Yes.")
WAIT_A_MINUTE = _("Wait a minute before you try again.")

# Advice for staff that several codes share.
CONFIRMATION_CODE_ADVICE = _(
    "We never set a confirmation code. "
    "Check the profile's ConfirmOrder call. "
    "The new eSIM needs no code."
)
DEVICE_ADVICE = _(
    "The problem is on the device. "
    "If it happens again after a restart, the modem or its driver is probably faulty."
)
REPEATED_ADVICE = _(
    "Harmless if it happens once. If it happens again, check the SM-DP+ and the walled garden."
)
