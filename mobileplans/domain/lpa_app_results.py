"""The activation results that the Mobile Plans app adds to the statuses of Windows.

Their meanings are Microsoft's (driver-docs, *mobile-plans-callback-notifications*).
"""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mobileplans.domain import lpa_advice as shared
from mobileplans.domain.lpa_advice import Advice, Remedy
from mobileplans.words import LpaCode

APP_RESULTS: dict[LpaCode, Advice] = {
    LpaCode.UNKNOWN_ERROR: Advice(
        Remedy.RETRY,
        pgettext_lazy("LPA code", "An error that the app has no name for."),
        shared.REPEATED_ADVICE,
        shared.NOT_FINISHED,
        shared.NOTHING_LOST_TEXT,
        (shared.STAY_ONLINE,),
        limit=1,
    ),
    LpaCode.LPA_INITIALIZATION_ERROR: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The Windows download service did not start."),
        shared.DEVICE_ADVICE,
        shared.CARD_FAILED,
        shared.NOTHING_LOST_TEXT,
        (shared.RESTART,),
    ),
    LpaCode.MODEM_NOT_FOUND: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The app found no modem."),
        shared.DEVICE_ADVICE,
        _("Your device can't find its modem"),
        shared.NOTHING_LOST_TEXT,
        (_("Turn airplane mode off and cellular on."), shared.RESTART),
    ),
    LpaCode.LOCAL_SETTINGS_ACCESS_FAILED: Advice(
        Remedy.DEVICE,
        pgettext_lazy("LPA code", "The app could not read its own settings."),
        _("If a restart does not help, reinstall the app."),
        _("The app couldn't read its settings"),
        shared.NOTHING_LOST_TEXT,
        (shared.RESTART, _("If it happens again, reinstall the app.")),
    ),
    LpaCode.INVALID_JSON: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The app could not read what the portal sent."),
        _("This is a bug in the portal. Keep the handoff data and report it to the developers."),
        shared.OUR_PROBLEM,
        shared.SUPPORT_TEXT,
    ),
    LpaCode.INVALID_CALLBACK: Advice(
        Remedy.SUPPORT,
        pgettext_lazy(
            "LPA code", "The app could not read what the portal sent (2018 versions of the app)."
        ),
        _("This is a bug in the portal. Keep the handoff data and report it to the developers."),
        shared.OUR_PROBLEM,
        shared.SUPPORT_TEXT,
    ),
    LpaCode.INVALID_ACTIVATION_CODE: Advice(
        Remedy.REISSUE,
        pgettext_lazy("LPA code", "The app could not use the activation code."),
        _("Compare the SM-DP+ address and the matching ID in the handoff with those of the order."),
        shared.CODE_FAILED,
        shared.NEW_ESIM_TEXT,
    ),
    LpaCode.INVALID_ICCID: Advice(
        Remedy.SUPPORT,
        pgettext_lazy("LPA code", "The app could not use the ICCID."),
        _("A bug in the portal, or the SIM is no longer in the device."),
        shared.OUR_PROBLEM,
        shared.SUPPORT_TEXT,
    ),
}
