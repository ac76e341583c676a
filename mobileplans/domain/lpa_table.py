"""What each LPA error means and what is done about it: one table, for customers and for staff.

The 29 values of ESimOperationStatus and the app's own results of an activation. Meanings are
Microsoft's (winrt-api, *ESimOperationStatus*; driver-docs, *mobile-plans-callback-notifications*);
Microsoft names a remedy for a few codes only, the others are read from what the code says.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_stubs_ext import StrOrPromise

from mobileplans.words import LpaCode


class Remedy(StrEnum):
    """The classes of the contract, section 2."""

    NONE = "none"
    # The same activation code again.
    RETRY = "retry"
    # The old profile is cancelled, a new one is issued on the same order.
    REISSUE = "reissue"
    # The profile is on the device: the host shall use it.
    ACTIVATE = "activate"
    # Something to do on the device, then the same activation code.
    DEVICE = "device"
    # A case for a person.
    SUPPORT = "support"


@dataclass(frozen=True)
class Advice:
    """One row: for staff what it means and what to look at, for the customer what to do."""

    remedy: Remedy
    meaning: StrOrPromise
    staff: StrOrPromise
    happened: StrOrPromise
    text: StrOrPromise
    steps: tuple[StrOrPromise, ...] = ()
    # How often the remedy is offered for this code before it becomes a case; None: as set.
    most: int | None = None


# -- What several codes tell the customer alike.
_NOT_FINISHED = _("The download didn't finish")
_NO_ANSWER = _("The download server didn't answer")
_CODE_USED_UP = _("The code for your eSIM doesn't work")
_CARD_TROUBLE = _("Your device couldn't use its eSIM chip")
_OURS = _("Something is wrong on our side")
_NOT_ALLOWED = _("Your device doesn't allow this")
_NEW_ONE_TEXT = _("We give you a new eSIM for the same plan. You don't pay again.")
_NOTHING_LOST = _("Nothing is lost: your plan and your eSIM are waiting for you.")
_WE_LOOK_TEXT = _("Nothing you can do on the device helps here. Our support looks at it for you.")
_RESTART = _("Restart the device.")
_STAY_ONLINE = _("Stay connected to Wi-Fi or another network until the download ends.")
_OTHER_NETWORK = _("Connect to another network, such as a different Wi-Fi.")
_ASK_COMPANY = _("If the device belongs to a company or a school, ask its IT department.")
_CONSENT = _("When Windows asks whether to add the eSIM, choose Yes.")
_TRY_AGAIN_LATER = _("Wait a minute.")

# -- What staff look at.
_CC_STAFF = _(
    "We never set a confirmation code: look at the profile's ConfirmOrder. The new one has none."
)
_LOCAL_STAFF = _("On the device alone. If it comes back after a restart, the modem or its driver.")
_REPEAT_STAFF = _("Harmless once. If it comes back, look at the SM-DP+ and at the walled garden.")

TABLE: dict[LpaCode, Advice] = {
    LpaCode.SUCCESS: Advice(
        Remedy.NONE,
        pgettext_lazy("LPA code", "Done."),
        _("Nothing to do."),
        _("The eSIM is on your device"),
        _("There is nothing more to do."),
    ),
    LpaCode.NOT_AUTHORIZED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The device may not do this."),
        _("Mostly a managed PC whose policy forbids eSIM profiles: its IT department decides."),
        _NOT_ALLOWED,
        _("Somebody who manages this device has to allow an eSIM first."),
        (_ASK_COMPANY,),
    ),
    LpaCode.NOT_FOUND: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile that was named is not there."),
        _("Compare the order's ICCID with the SM-DP+ before anything else."),
        _("Your eSIM wasn't found"),
        _NEW_ONE_TEXT,
    ),
    LpaCode.POLICY_VIOLATION: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "It would break a policy of the profile or of the device."),
        _("Our profiles carry no policy rules (seed 000). If a new one fails too: a managed PC."),
        _NOT_ALLOWED,
        _NEW_ONE_TEXT,
        (_ASK_COMPANY,),
    ),
    LpaCode.INSUFFICIENT_SPACE_ON_CARD: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The eUICC is full."),
        _("The customer has to delete a profile that is not used any more."),
        _("There is no room for another eSIM"),
        _("Your device holds as many eSIMs as it can. One that you don't need has to go."),
        (_("In Settings, open Cellular, eSIM profiles, and delete one that you don't use."),),
    ),
    LpaCode.SERVER_FAILURE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SM-DP+ or another server failed."),
        _("If it comes back, ask the operator of the SM-DP+."),
        _NO_ANSWER,
        _NOTHING_LOST,
        (_TRY_AGAIN_LATER,),
    ),
    LpaCode.SERVER_NOT_REACHABLE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "There was no way to the SM-DP+."),
        _("Is the SM-DP+ in the walled garden's list of hosts?"),
        _NO_ANSWER,
        _NOTHING_LOST,
        (_OTHER_NETWORK,),
    ),
    LpaCode.TIMEOUT_WAITING_FOR_USER_CONSENT: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The customer did not answer Windows' question in time."),
        _("Nothing to do."),
        _("Windows waited for your answer"),
        _NOTHING_LOST,
        (_CONSENT,),
    ),
    LpaCode.INCORRECT_CONFIRMATION_CODE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The confirmation code was wrong."),
        _CC_STAFF,
        _CODE_USED_UP,
        _NEW_ONE_TEXT,
    ),
    LpaCode.CONFIRMATION_CODE_MAX_RETRIES_EXCEEDED: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The confirmation code was wrong too often."),
        _CC_STAFF,
        _CODE_USED_UP,
        _NEW_ONE_TEXT,
    ),
    LpaCode.CARD_REMOVED: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The SIM was taken out."),
        _LOCAL_STAFF,
        _CARD_TROUBLE,
        _NOTHING_LOST,
        (_("If you took a SIM card out, put it back."), _RESTART),
    ),
    LpaCode.CARD_BUSY: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SIM was busy with something else."),
        _LOCAL_STAFF,
        _("Your device was busy"),
        _NOTHING_LOST,
        (_TRY_AGAIN_LATER,),
    ),
    LpaCode.OTHER: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "Something that Windows has no name for."),
        _REPEAT_STAFF,
        _NOT_FINISHED,
        _NOTHING_LOST,
        (_STAY_ONLINE,),
        most=1,
    ),
    LpaCode.CARD_GENERAL_FAILURE: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The SIM stopped with an error."),
        _LOCAL_STAFF,
        _CARD_TROUBLE,
        _NOTHING_LOST,
        (_RESTART,),
        most=1,
    ),
    LpaCode.CONFIRMATION_CODE_MISSING: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The SM-DP+ wants a confirmation code."),
        _CC_STAFF,
        _CODE_USED_UP,
        _NEW_ONE_TEXT,
    ),
    LpaCode.INVALID_MATCHING_ID: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The SM-DP+ does not know the matching id."),
        _("Typed wrong, or the profile was cancelled over there."),
        _CODE_USED_UP,
        _NEW_ONE_TEXT,
    ),
    LpaCode.NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "No profile fits this device."),
        _(
            "Reissued only where the plan names another profile type; else a case. "
            "Ask for the model to be left out of the catalogue."
        ),
        _("This eSIM doesn't fit your device"),
        _NEW_ONE_TEXT,
    ),
    LpaCode.OPERATION_ABORTED: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The download was broken off."),
        _("Nothing to do."),
        _NOT_FINISHED,
        _NOTHING_LOST,
        (_STAY_ONLINE,),
    ),
    LpaCode.EID_MISMATCH: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is bound to another EID."),
        _("The new profile is bound to the EID of the launch from which it was asked for."),
        _("This eSIM was made for another device"),
        _("We give you one for this device, for the same plan. You don't pay again."),
    ),
    LpaCode.PROFILE_NOT_AVAILABLE_FOR_NEW_BINDING: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is claimed or downloaded already."),
        _("Where the launch lists the ICCID as installed it is activated instead."),
        _("This eSIM was used already"),
        _NEW_ONE_TEXT,
    ),
    LpaCode.PROFILE_NOT_RELEASED_BY_OPERATOR: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The profile is there and not released."),
        _("Trying again releases it at the SM-DP+ first."),
        _("Your eSIM wasn't ready yet"),
        _NOTHING_LOST,
    ),
    LpaCode.OPERATION_PROHIBITED_BY_PROFILE_CLASS: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The class of the profile forbids this."),
        _("A test or provisioning profile, on our side or on the device."),
        _OURS,
        _WE_LOOK_TEXT,
    ),
    LpaCode.PROFILE_NOT_PRESENT: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is not on the eUICC."),
        _("Mostly deleted by the customer. Once downloaded it is never issued twice: a case then."),
        _("The eSIM is not on your device"),
        _NEW_ONE_TEXT,
    ),
    LpaCode.NO_CORRESPONDING_REQUEST: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "There was no request that this answers."),
        _REPEAT_STAFF,
        _NOT_FINISHED,
        _NOTHING_LOST,
        (_STAY_ONLINE,),
        most=1,
    ),
    LpaCode.TIMEOUT_WAITING_FOR_RESPONSE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SIM did not answer in time."),
        _LOCAL_STAFF,
        _("Your device took too long"),
        _NOTHING_LOST,
        (_RESTART,),
    ),
    LpaCode.ICCID_ALREADY_EXISTS: Advice(
        Remedy.ACTIVATE,
        pgettext_lazy("LPA code", "A profile with this ICCID is on the eUICC."),
        _("The profile is there: the host is told to use it."),
        _("The eSIM is on your device already"),
        _("It only has to be switched on."),
    ),
    LpaCode.PROFILE_PROCESSING_ERROR: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The eUICC could not install the profile."),
        _("Look at the profile package; then issue a new eSIM from the order's page."),
        _OURS,
        _WE_LOOK_TEXT,
    ),
    LpaCode.SERVER_NOT_TRUSTED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The device does not trust the SM-DP+."),
        _("The certificate of the SM-DP+, or its issuer (CI), is not on the eUICC."),
        _OURS,
        _WE_LOOK_TEXT,
    ),
    LpaCode.PROFILE_DOWNLOAD_MAX_RETRIES_EXCEEDED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The profile was asked for too often."),
        _("The SM-DP+ has locked it: issue a new eSIM from the order's page."),
        _CODE_USED_UP,
        _("It was tried too often. Our support gives you a new one; you don't pay again."),
    ),
    LpaCode.UNKNOWN_ERROR: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "Something that the app has no name for."),
        _REPEAT_STAFF,
        _NOT_FINISHED,
        _NOTHING_LOST,
        (_STAY_ONLINE,),
        most=1,
    ),
    LpaCode.LPA_INITIALIZATION_ERROR: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "Windows' own download service did not start."),
        _LOCAL_STAFF,
        _CARD_TROUBLE,
        _NOTHING_LOST,
        (_RESTART,),
    ),
    LpaCode.MODEM_NOT_FOUND: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The app found no modem."),
        _LOCAL_STAFF,
        _("Your device doesn't see its modem"),
        _NOTHING_LOST,
        (_("Turn flight mode off and cellular on."), _RESTART),
    ),
    LpaCode.LOCAL_SETTINGS_ACCESS_FAILED: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The app could not read its own settings."),
        _("Reinstalling the app helps where a restart does not."),
        _("The app couldn't read its settings"),
        _NOTHING_LOST,
        (_RESTART, _("If it happens again, reinstall the app.")),
    ),
    LpaCode.INVALID_JSON: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The app could not read what the portal gave it."),
        _("A fault of the portal: keep the handoff and tell the developers."),
        _OURS,
        _WE_LOOK_TEXT,
    ),
    LpaCode.INVALID_CALLBACK: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The same, in the words of 2018."),
        _("A fault of the portal: keep the handoff and tell the developers."),
        _OURS,
        _WE_LOOK_TEXT,
    ),
    LpaCode.INVALID_ACTIVATION_CODE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The app could not use the activation code."),
        _("Compare the handoff with the order: the SM-DP+ address, the matching id."),
        _CODE_USED_UP,
        _NEW_ONE_TEXT,
    ),
    LpaCode.INVALID_ICCID: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The app could not use the ICCID."),
        _("A fault of the portal, or a SIM that is not in the device any more."),
        _OURS,
        _WE_LOOK_TEXT,
    ),
}
