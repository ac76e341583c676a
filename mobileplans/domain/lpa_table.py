"""The table of LPA errors: what each means and what to do, for customers and for staff.

It holds the 29 values of ESimOperationStatus and the activation results that the app adds. The
meanings are Microsoft's (winrt-api, *ESimOperationStatus*; driver-docs,
*mobile-plans-callback-notifications*). Microsoft names a remedy for a few codes only. The other
remedies follow from the meaning of the code.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from mobileplans.words import LpaCode


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
    # How often this remedy is offered before it becomes a support case. None means the setting.
    limit: int | None = None


# Texts for the customer that several codes share.
_NOT_FINISHED = _("The download didn't finish")
_NO_ANSWER = _("The download server didn't respond")
_CODE_FAILED = _("The activation code for your eSIM doesn't work")
_CARD_FAILED = _("Your device couldn't use its eSIM chip")
_OUR_PROBLEM = _("There is a problem on our side")
_NOT_ALLOWED = _("Your device doesn't allow this eSIM")
_NEW_ESIM_TEXT = _("We'll give you a new eSIM for the same plan. You won't be charged again.")
_NOTHING_LOST_TEXT = _("Nothing is lost. Your plan and your eSIM are still available.")
_SUPPORT_TEXT = _("You can't fix this on your device. Our support team will look into it.")
_RESTART = _("Restart your device.")
_STAY_ONLINE = _("Stay connected to Wi-Fi or another network until the download is finished.")
_OTHER_NETWORK = _("Connect to a different network, such as another Wi-Fi network.")
_ASK_IT_DEPARTMENT = _("If your device belongs to a company or a school, ask its IT department.")
_CONSENT = _("When Windows asks whether to add the eSIM, choose Yes.")
_WAIT_A_MINUTE = _("Wait a minute before you try again.")

# Advice for staff that several codes share.
_CONFIRMATION_CODE_ADVICE = _(
    "We never set a confirmation code. "
    "Check the profile's ConfirmOrder call. "
    "The new eSIM needs no code."
)
_DEVICE_ADVICE = _(
    "The problem is on the device. "
    "If it happens again after a restart, the modem or its driver is probably faulty."
)
_REPEATED_ADVICE = _(
    "Harmless if it happens once. If it happens again, check the SM-DP+ and the walled garden."
)

TABLE: dict[LpaCode, Advice] = {
    LpaCode.SUCCESS: Advice(
        Remedy.NONE,
        pgettext_lazy("LPA code", "Done."),
        _("Nothing to do."),
        _("The eSIM is on your device"),
        _("You don't need to do anything else."),
    ),
    LpaCode.NOT_AUTHORIZED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The device is not allowed to do this."),
        _(
            "Usually a managed PC with a policy that forbids eSIM profiles. "
            "Its IT department decides."
        ),
        _NOT_ALLOWED,
        _("The person who manages this device has to allow eSIMs first."),
        (_ASK_IT_DEPARTMENT,),
    ),
    LpaCode.NOT_FOUND: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The requested profile was not found."),
        _("First, compare the order's ICCID with the SM-DP+."),
        _("Your eSIM wasn't found"),
        _NEW_ESIM_TEXT,
    ),
    LpaCode.POLICY_VIOLATION: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "A policy of the profile or the device does not allow this."),
        _(
            "Our profiles have no policy rules. "
            "If a new eSIM fails too, the PC is probably managed."
        ),
        _NOT_ALLOWED,
        _NEW_ESIM_TEXT,
        (_ASK_IT_DEPARTMENT,),
    ),
    LpaCode.INSUFFICIENT_SPACE_ON_CARD: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The eUICC has no space left."),
        _("The customer has to delete a profile that is no longer used."),
        _("There is no room for another eSIM"),
        _("Your device can't store any more eSIMs. Delete one that you no longer need."),
        (
            _(
                "Go to Settings > Network & internet > Cellular > eSIM profiles and delete a "
                "profile that you no longer need. A deleted profile can't be restored."
            ),
        ),
    ),
    LpaCode.SERVER_FAILURE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SM-DP+ or another server failed."),
        _("If it happens again, ask the operator of the SM-DP+."),
        _NO_ANSWER,
        _NOTHING_LOST_TEXT,
        (_WAIT_A_MINUTE,),
    ),
    LpaCode.SERVER_NOT_REACHABLE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The device could not reach the SM-DP+."),
        _("Check that the SM-DP+ is in the walled garden's list of hosts."),
        _NO_ANSWER,
        _NOTHING_LOST_TEXT,
        (_OTHER_NETWORK,),
    ),
    LpaCode.TIMEOUT_WAITING_FOR_USER_CONSENT: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The customer did not answer the question from Windows in time."),
        _("Nothing to do."),
        _("Windows didn't get your answer in time"),
        _NOTHING_LOST_TEXT,
        (_CONSENT,),
    ),
    LpaCode.INCORRECT_CONFIRMATION_CODE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The confirmation code was wrong."),
        _CONFIRMATION_CODE_ADVICE,
        _CODE_FAILED,
        _NEW_ESIM_TEXT,
    ),
    LpaCode.CONFIRMATION_CODE_MAX_RETRIES_EXCEEDED: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The confirmation code was wrong too many times."),
        _CONFIRMATION_CODE_ADVICE,
        _CODE_FAILED,
        _NEW_ESIM_TEXT,
    ),
    LpaCode.CARD_REMOVED: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The SIM was removed."),
        _DEVICE_ADVICE,
        _CARD_FAILED,
        _NOTHING_LOST_TEXT,
        (_("If you removed a SIM card, put it back in."), _RESTART),
    ),
    LpaCode.CARD_BUSY: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SIM was busy with another operation."),
        _DEVICE_ADVICE,
        _("Your device was busy"),
        _NOTHING_LOST_TEXT,
        (_WAIT_A_MINUTE,),
    ),
    LpaCode.OTHER: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "An error that Windows has no name for."),
        _REPEATED_ADVICE,
        _NOT_FINISHED,
        _NOTHING_LOST_TEXT,
        (_STAY_ONLINE,),
        limit=1,
    ),
    LpaCode.CARD_GENERAL_FAILURE: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The SIM reported a general failure."),
        _DEVICE_ADVICE,
        _CARD_FAILED,
        _NOTHING_LOST_TEXT,
        (_RESTART,),
        limit=1,
    ),
    LpaCode.CONFIRMATION_CODE_MISSING: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The SM-DP+ requires a confirmation code."),
        _CONFIRMATION_CODE_ADVICE,
        _CODE_FAILED,
        _NEW_ESIM_TEXT,
    ),
    LpaCode.INVALID_MATCHING_ID: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The SM-DP+ does not know the matching ID."),
        _("The code was mistyped, or the profile was cancelled at the SM-DP+."),
        _CODE_FAILED,
        _NEW_ESIM_TEXT,
    ),
    LpaCode.NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "No profile is suitable for this device."),
        _(
            "A new eSIM is issued only if the plan has another profile type. "
            "Otherwise this becomes a support case. "
            "Ask for the device model to be removed from the catalogue."
        ),
        _("This eSIM doesn't work with your device"),
        _NEW_ESIM_TEXT,
    ),
    LpaCode.OPERATION_ABORTED: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The download was aborted."),
        _("Nothing to do."),
        _NOT_FINISHED,
        _NOTHING_LOST_TEXT,
        (_STAY_ONLINE,),
    ),
    LpaCode.EID_MISMATCH: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is bound to another EID."),
        _("The new profile is bound to the EID of the launch in which the customer asked for it."),
        _("This eSIM was made for another device"),
        _("We'll give you an eSIM for this device and the same plan. You won't be charged again."),
    ),
    LpaCode.PROFILE_NOT_AVAILABLE_FOR_NEW_BINDING: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is already claimed or downloaded."),
        _("If the launch lists the ICCID as installed, the profile is activated instead."),
        _("This eSIM has already been used"),
        _NEW_ESIM_TEXT,
    ),
    LpaCode.PROFILE_NOT_RELEASED_BY_OPERATOR: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The profile exists but is not released."),
        _("A new attempt first releases the profile at the SM-DP+."),
        _("Your eSIM wasn't ready yet"),
        _NOTHING_LOST_TEXT,
    ),
    LpaCode.OPERATION_PROHIBITED_BY_PROFILE_CLASS: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The profile class does not allow this."),
        _("A test or provisioning profile is involved, on our side or on the device."),
        _OUR_PROBLEM,
        _SUPPORT_TEXT,
    ),
    LpaCode.PROFILE_NOT_PRESENT: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is not on the eUICC."),
        _(
            "Usually the customer deleted it. "
            "A profile that was downloaded is never replaced, so this becomes a support case."
        ),
        _("The eSIM is not on your device"),
        _NEW_ESIM_TEXT,
    ),
    LpaCode.NO_CORRESPONDING_REQUEST: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The response did not match any request."),
        _REPEATED_ADVICE,
        _NOT_FINISHED,
        _NOTHING_LOST_TEXT,
        (_STAY_ONLINE,),
        limit=1,
    ),
    LpaCode.TIMEOUT_WAITING_FOR_RESPONSE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SIM did not respond in time."),
        _DEVICE_ADVICE,
        _("Your device took too long"),
        _NOTHING_LOST_TEXT,
        (_RESTART,),
    ),
    LpaCode.ICCID_ALREADY_EXISTS: Advice(
        Remedy.ACTIVATE,
        pgettext_lazy("LPA code", "A profile with this ICCID is already on the eUICC."),
        _("The host is told to use the installed profile."),
        _("The eSIM is already on your device"),
        _("It only needs to be turned on."),
    ),
    LpaCode.PROFILE_PROCESSING_ERROR: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The eUICC could not install the profile."),
        _("Check the profile package. Then issue a new eSIM from the order's page."),
        _OUR_PROBLEM,
        _SUPPORT_TEXT,
    ),
    LpaCode.SERVER_NOT_TRUSTED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The device does not trust the SM-DP+."),
        _("The eUICC has neither the certificate of the SM-DP+ nor its issuer's (CI)."),
        _OUR_PROBLEM,
        _SUPPORT_TEXT,
    ),
    LpaCode.PROFILE_DOWNLOAD_MAX_RETRIES_EXCEEDED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The profile was requested too many times."),
        _("The SM-DP+ has locked the profile. Issue a new eSIM from the order's page."),
        _CODE_FAILED,
        _(
            "It was tried too many times. "
            "Our support team will give you a new eSIM. "
            "You won't be charged again."
        ),
    ),
    LpaCode.UNKNOWN_ERROR: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "An error that the app has no name for."),
        _REPEATED_ADVICE,
        _NOT_FINISHED,
        _NOTHING_LOST_TEXT,
        (_STAY_ONLINE,),
        limit=1,
    ),
    LpaCode.LPA_INITIALIZATION_ERROR: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The Windows download service did not start."),
        _DEVICE_ADVICE,
        _CARD_FAILED,
        _NOTHING_LOST_TEXT,
        (_RESTART,),
    ),
    LpaCode.MODEM_NOT_FOUND: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The app found no modem."),
        _DEVICE_ADVICE,
        _("Your device can't find its modem"),
        _NOTHING_LOST_TEXT,
        (_("Turn airplane mode off and cellular on."), _RESTART),
    ),
    LpaCode.LOCAL_SETTINGS_ACCESS_FAILED: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The app could not read its own settings."),
        _("If a restart does not help, reinstall the app."),
        _("The app couldn't read its settings"),
        _NOTHING_LOST_TEXT,
        (_RESTART, _("If it happens again, reinstall the app.")),
    ),
    LpaCode.INVALID_JSON: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The app could not read what the portal sent."),
        _("This is a bug in the portal. Keep the handoff data and report it to the developers."),
        _OUR_PROBLEM,
        _SUPPORT_TEXT,
    ),
    LpaCode.INVALID_CALLBACK: Advice(
        Remedy.SUPPORT,
        pgettext_lazy(
            "LPA code", "The app could not read what the portal sent (2018 versions of the app)."
        ),
        _("This is a bug in the portal. Keep the handoff data and report it to the developers."),
        _OUR_PROBLEM,
        _SUPPORT_TEXT,
    ),
    LpaCode.INVALID_ACTIVATION_CODE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The app could not use the activation code."),
        _("Compare the SM-DP+ address and the matching ID in the handoff with those of the order."),
        _CODE_FAILED,
        _NEW_ESIM_TEXT,
    ),
    LpaCode.INVALID_ICCID: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The app could not use the ICCID."),
        _("A bug in the portal, or the SIM is no longer in the device."),
        _OUR_PROBLEM,
        _SUPPORT_TEXT,
    ),
}
