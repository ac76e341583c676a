"""Launches worth trying: each fills the launch form (`simulators.mobileplans.forms`)."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from simulators.mobileplans import forms
from simulators.mobileplans.device import INSTALLED
from simulators.mobileplans.samples import IDENTIFIED_ICCID, INSTALLED_ICCID, UNUSED_ICCID

NO_DEVICE = {"eid": "", "iccid": "", "iccids": "", "imei": "", "location": "", "market": ""}
NO_ERRORS = {"lpa_codes": "", "lpa_times": "", "lpa_iccids": ""}
DOCUMENTED_APP = {
    **NO_ERRORS,
    "language": forms.ENGLISH,
    "host": forms.DATAMART,
    "download": INSTALLED,
}
ESIM_PC = {
    **NO_DEVICE,
    **DOCUMENTED_APP,
    "eid": forms.EID,
    "imei": forms.IMEI,
    "location": "US",
    "market": "US",
}
# Each has a value for every field of the form. The form shows the first one.
PRESETS: list[dict[str, object]] = [
    {
        **ESIM_PC,
        "title": _("eSIM PC in the US"),
        "purpose": _("Buy a plan and watch the device download its eSIM profile."),
    },
    {
        **ESIM_PC,
        "title": _("German PC, US trip"),
        "purpose": _("Pages in German, prices in euros, plans that work in the US."),
        "market": "DE",
        "language": forms.GERMAN,
    },
    {
        **ESIM_PC,
        "title": pgettext_lazy("launch", "Arabic, in Dubai"),
        "purpose": _("Pages from right to left. Plans only for a SIM with an identified holder."),
        "location": "AE",
        "market": "AE",
        "eid": "",
        "iccid": IDENTIFIED_ICCID,
        "language": forms.ARABIC,
    },
    {
        **ESIM_PC,
        "title": _("Physical SIM"),
        "purpose": _("Buy a plan for a SIM card; nothing is downloaded."),
        "eid": "",
        "iccid": UNUSED_ICCID,
    },
    {
        **ESIM_PC,
        **NO_DEVICE,
        "title": _("Open web"),
        "purpose": _("No app: the eSIM is installed with a QR code."),
        "market": "US",
        "host": forms.OPEN_WEB,
    },
    {
        **ESIM_PC,
        "title": _("Brazil: no plans"),
        "purpose": _("No plan works there, and the portal says so."),
        "location": "BR",
    },
    {
        **ESIM_PC,
        "title": _("Invalid EID"),
        "purpose": _("A wrong check digit: the portal answers InvalidSIM."),
        "eid": forms.EID[:-1] + "6",
    },
    {
        **ESIM_PC,
        "title": _("Newest app"),
        "purpose": _("The portal stays open while the eSIM is downloaded."),
        "host": forms.INLINE,
    },
    {
        **ESIM_PC,
        "title": _("Carrier web sheet"),
        "purpose": _("The portal runs in a carrier's web sheet (ODSA)."),
        "host": forms.ODSA,
    },
    {
        **ESIM_PC,
        "title": _("eSIM already installed"),
        "purpose": _("Buy a plan for a profile that is already on the eSIM."),
        "iccids": INSTALLED_ICCID,
    },
]
