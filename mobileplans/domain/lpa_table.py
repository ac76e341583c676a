"""The table of LPA errors: what each means and what to do, for customers and for staff.

It holds the 29 values of ESimOperationStatus and the activation results that the app adds. The
meanings are Microsoft's (winrt-api, *ESimOperationStatus*; driver-docs,
*mobile-plans-callback-notifications*). Microsoft names a remedy for a few codes only. The other
remedies follow from the meaning of the code.
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mobileplans.domain import lpa_advice as shared
from mobileplans.domain.lpa_advice import Advice, Remedy
from mobileplans.domain.lpa_app_results import APP_RESULTS
from mobileplans.words import LpaCode

WINDOWS_STATUSES: dict[LpaCode, Advice] = {
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
        shared.NOT_ALLOWED,
        _("The person who manages this device has to allow eSIMs first."),
        (shared.ASK_IT_DEPARTMENT,),
    ),
    LpaCode.NOT_FOUND: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The requested profile was not found."),
        _("First, compare the order's ICCID with the SM-DP+."),
        _("Your eSIM wasn't found"),
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.POLICY_VIOLATION: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "A policy of the profile or the device does not allow this."),
        _(
            "Our profiles have no policy rules. "
            "If a new eSIM fails too, the PC is probably managed."
        ),
        shared.NOT_ALLOWED,
        shared.NEW_ESIM_TEXT,
        (shared.ASK_IT_DEPARTMENT,),
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
        shared.NO_ANSWER,
        shared.NOTHING_LOST_TEXT,
        (shared.WAIT_A_MINUTE,),
    ),
    LpaCode.SERVER_NOT_REACHABLE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The device could not reach the SM-DP+."),
        _("Check that the SM-DP+ is in the walled garden's list of hosts."),
        shared.NO_ANSWER,
        shared.NOTHING_LOST_TEXT,
        (shared.OTHER_NETWORK,),
    ),
    LpaCode.TIMEOUT_WAITING_FOR_USER_CONSENT: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The customer did not answer the question from Windows in time."),
        _("Nothing to do."),
        _("Windows didn't get your answer in time"),
        shared.NOTHING_LOST_TEXT,
        (shared.CONSENT,),
    ),
    LpaCode.INCORRECT_CONFIRMATION_CODE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The confirmation code was wrong."),
        shared.CONFIRMATION_CODE_ADVICE,
        shared.CODE_FAILED,
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.CONFIRMATION_CODE_MAX_RETRIES_EXCEEDED: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The confirmation code was wrong too many times."),
        shared.CONFIRMATION_CODE_ADVICE,
        shared.CODE_FAILED,
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.CARD_REMOVED: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The SIM was removed."),
        shared.DEVICE_ADVICE,
        shared.CARD_FAILED,
        shared.NOTHING_LOST_TEXT,
        (_("If you removed a SIM card, put it back in."), shared.RESTART),
    ),
    LpaCode.CARD_BUSY: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SIM was busy with another operation."),
        shared.DEVICE_ADVICE,
        _("Your device was busy"),
        shared.NOTHING_LOST_TEXT,
        (shared.WAIT_A_MINUTE,),
    ),
    LpaCode.OTHER: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "An error that Windows has no name for."),
        shared.REPEATED_ADVICE,
        shared.NOT_FINISHED,
        shared.NOTHING_LOST_TEXT,
        (shared.STAY_ONLINE,),
        limit=1,
    ),
    LpaCode.CARD_GENERAL_FAILURE: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The SIM reported a general failure."),
        shared.DEVICE_ADVICE,
        shared.CARD_FAILED,
        shared.NOTHING_LOST_TEXT,
        (shared.RESTART,),
        limit=1,
    ),
    LpaCode.CONFIRMATION_CODE_MISSING: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The SM-DP+ requires a confirmation code."),
        shared.CONFIRMATION_CODE_ADVICE,
        shared.CODE_FAILED,
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.INVALID_MATCHING_ID: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The SM-DP+ does not know the matching ID."),
        _("The code was mistyped, or the profile was cancelled at the SM-DP+."),
        shared.CODE_FAILED,
        shared.NEW_ESIM_TEXT,
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
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.OPERATION_ABORTED: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The download was aborted."),
        _("Nothing to do."),
        shared.NOT_FINISHED,
        shared.NOTHING_LOST_TEXT,
        (shared.STAY_ONLINE,),
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
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.PROFILE_NOT_RELEASED_BY_OPERATOR: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The profile exists but is not released."),
        _("A new attempt first releases the profile at the SM-DP+."),
        _("Your eSIM wasn't ready yet"),
        shared.NOTHING_LOST_TEXT,
    ),
    LpaCode.OPERATION_PROHIBITED_BY_PROFILE_CLASS: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The profile class does not allow this."),
        _("A test or provisioning profile is involved, on our side or on the device."),
        shared.OUR_PROBLEM,
        shared.SUPPORT_TEXT,
    ),
    LpaCode.PROFILE_NOT_PRESENT: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The profile is not on the eUICC."),
        _(
            "Usually the customer deleted it. "
            "A profile that was downloaded is never replaced, so this becomes a support case."
        ),
        _("The eSIM is not on your device"),
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.NO_CORRESPONDING_REQUEST: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The response did not match any request."),
        shared.REPEATED_ADVICE,
        shared.NOT_FINISHED,
        shared.NOTHING_LOST_TEXT,
        (shared.STAY_ONLINE,),
        limit=1,
    ),
    LpaCode.TIMEOUT_WAITING_FOR_RESPONSE: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "The SIM did not respond in time."),
        shared.DEVICE_ADVICE,
        _("Your device took too long"),
        shared.NOTHING_LOST_TEXT,
        (shared.RESTART,),
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
        shared.OUR_PROBLEM,
        shared.SUPPORT_TEXT,
    ),
    LpaCode.SERVER_NOT_TRUSTED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The device does not trust the SM-DP+."),
        _("The eUICC has neither the certificate of the SM-DP+ nor its issuer's (CI)."),
        shared.OUR_PROBLEM,
        shared.SUPPORT_TEXT,
    ),
    LpaCode.PROFILE_DOWNLOAD_MAX_RETRIES_EXCEEDED: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The profile was requested too many times."),
        _("The SM-DP+ has locked the profile. Issue a new eSIM from the order's page."),
        shared.CODE_FAILED,
        _(
            "It was tried too many times. "
            "Our support team will give you a new eSIM. "
            "You won't be charged again."
        ),
    ),
}
TABLE: dict[LpaCode, Advice] = {**WINDOWS_STATUSES, **APP_RESULTS}
