"""The launch form: the parameters that the app puts into the portal's address, and presets."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from simulators.mobileplans.device import FAILURES, INSTALLED
from simulators.mobileplans.samples import INSTALLED_ICCID, UNUSED_ICCID

EID = "89049032123451234512345678901235"
IMEI = "490154203237518"
ENGLISH = "en-US,en;q=0.9"
GERMAN = "de-DE,de;q=0.9"
ARABIC = "ar-AE,ar;q=0.9"
OTHER = "other"
LANGUAGES = [(ENGLISH, "English"), (GERMAN, "Deutsch"), (ARABIC, "العربية"), (OTHER, _("Other"))]
DATAMART, INLINE, ODSA, OPEN_WEB = "datamart", "inline", "odsa", "none"
HOSTS = [
    (DATAMART, _("Mobile Plans, as documented")),
    (INLINE, _("Mobile Plans, newest")),
    (ODSA, _("Carrier web sheet")),
    (OPEN_WEB, _("No app: open web")),
]
DOWNLOADS = [(INSTALLED, _("Succeeds")), *((name, name) for name in FAILURES)]

NOTHING = {"eid": "", "iccid": "", "iccids": "", "imei": "", "location": "", "market": ""}
NO_ERRORS = {"lpa_codes": "", "lpa_times": "", "lpa_iccids": ""}
ESIM_PC = {**NOTHING, "eid": EID, "imei": IMEI, "location": "US", "market": "US"}
# One cookie of 4096 bytes carries these values, and a punctuation mark takes three of them.
LONGEST_LIST, LONGEST_ICCID = 500, 100


class LaunchForm(forms.Form):
    """The parameters of a launch. The page's script makes the address; no server reads the form."""

    # The address leaves out each parameter that is empty.
    use_required_attribute = False

    eid = forms.CharField(label="eid", initial=EID)
    iccid = forms.CharField(label="iccid")
    iccids = forms.CharField(label="iccids")
    imei = forms.CharField(label="imei", initial=IMEI)
    location = forms.CharField(label="location", initial="US")
    market = forms.CharField(label="market", initial="US")
    transaction = forms.CharField(label="transactionId")
    host = forms.ChoiceField(label=_("The app"), choices=HOSTS, initial=DATAMART)
    download = forms.ChoiceField(label=_("Next download"), choices=DOWNLOADS, initial=INSTALLED)
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, initial=ENGLISH)
    accept_language = forms.CharField(label="Accept-Language", initial="pt-BR,pt;q=0.9,en;q=0.5")
    lpa_codes = forms.CharField(label="X-MP-LPAError-Codes", max_length=LONGEST_LIST)
    lpa_times = forms.CharField(label="X-MP-LPAError-TimeStamps", max_length=LONGEST_LIST)
    lpa_iccids = forms.CharField(label="X-MP-LPAError-ICCIDs", max_length=LONGEST_ICCID)


def presets() -> list[dict[str, object]]:
    """List launches worth trying, each with a value for every field. The form shows the first."""
    visit = {**NO_ERRORS, "language": ENGLISH, "host": DATAMART, "download": INSTALLED}
    esim_pc = {**ESIM_PC, **visit}
    sim_card = {**NOTHING, "iccid": UNUSED_ICCID, "imei": IMEI, "location": "US", "market": "US"}
    return [
        {
            **esim_pc,
            "title": _("eSIM PC in the US"),
            "purpose": _("Buy a plan and watch the device download its eSIM profile."),
        },
        {
            **esim_pc,
            "title": _("German PC, US trip"),
            "purpose": _("Pages in German, prices in euros, plans that work in the US."),
            "market": "DE",
            "language": GERMAN,
        },
        {
            **esim_pc,
            "title": pgettext_lazy("launch", "Arabic, in Dubai"),
            "purpose": _("Pages from right to left, prices in dirhams."),
            "location": "AE",
            "market": "AE",
            "language": ARABIC,
        },
        {
            **esim_pc,
            **sim_card,
            "title": _("Physical SIM"),
            "purpose": _("Buy a plan for a SIM card; nothing is downloaded."),
        },
        {
            **esim_pc,
            **NOTHING,
            "title": _("Open web"),
            "purpose": _("No app: the eSIM is installed with a QR code."),
            "market": "US",
            "host": OPEN_WEB,
        },
        {
            **esim_pc,
            "title": _("Brazil: no plans"),
            "purpose": _("No plan works there, and the portal says so."),
            "location": "BR",
        },
        {
            **esim_pc,
            "title": _("Invalid EID"),
            "purpose": _("A wrong check digit: the portal answers InvalidSIM."),
            "eid": EID[:-1] + "6",
        },
        {
            **esim_pc,
            "title": _("Newest app"),
            "purpose": _("The portal stays open while the eSIM is downloaded."),
            "host": INLINE,
        },
        {
            **esim_pc,
            "title": _("Carrier web sheet"),
            "purpose": _("The portal runs in a carrier's web sheet (ODSA)."),
            "host": ODSA,
        },
        {
            **esim_pc,
            "title": _("eSIM already installed"),
            "purpose": _("Buy a plan for a profile that is already on the eSIM."),
            "iccids": INSTALLED_ICCID,
        },
    ]
