"""The launch: what the app puts into the portal's address (source documents: *web portal*)."""

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from simulators.mobileplans.device import FAILURES, INSTALLED

EID = "89049032123451234512345678901235"
IMEI = "490154203237518"
# An unused physical SIM of the demo data, which reads its number here.
PHYSICAL_ICCID = "8944110000000000008"
ENGLISH = "en-US,en;q=0.9"
GERMAN = "de-DE,de;q=0.9"
ARABIC = "ar-AE,ar;q=0.9"
# A profile of the demo data that is on an eSIM and nobody's yet.
INSTALLED_ICCID = "8944110000000000040"
OTHER = "other"
LANGUAGES = [(ENGLISH, "English"), (GERMAN, "Deutsch"), (ARABIC, "العربية"), (OTHER, _("Other"))]
DATAMART, INLINE, ODSA, OPEN_WEB = "datamart", "inline", "odsa", "none"
HOSTS = [
    (DATAMART, _("Mobile Plans, as documented")),
    (INLINE, _("Mobile Plans, newest")),
    (ODSA, _("Carrier web sheet")),
    (OPEN_WEB, _("No app: open web")),
]
DOWNLOADS = [(INSTALLED, _("Works")), *((name, name) for name in FAILURES)]

NOTHING = {"eid": "", "iccid": "", "iccids": "", "imei": "", "location": "", "market": ""}
NO_ERRORS = {"lpa_codes": "", "lpa_times": "", "lpa_iccids": ""}
ESIM_PC = {**NOTHING, "eid": EID, "imei": IMEI, "location": "US", "market": "US"}
# The cookie that carries them holds 4096 bytes, in which most punctuation takes three.
LONGEST_LIST, LONGEST_ICCID = 500, 100


class LaunchForm(forms.Form):
    """Never submitted to a server: the page's script makes the address from it."""

    # What is left empty is left out of the address.
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
    """List launches worth trying; each is the whole form, the first one what the form shows."""
    a_visit = {**NO_ERRORS, "language": ENGLISH, "host": DATAMART, "download": INSTALLED}
    esim_pc = {**ESIM_PC, **a_visit}
    physical_sim = {**NOTHING, "iccid": PHYSICAL_ICCID, "imei": IMEI}
    return [
        {**esim_pc, "title": _("eSIM PC in the US")},
        {**esim_pc, "title": _("German PC, US trip"), "market": "DE", "language": GERMAN},
        {
            **esim_pc,
            "title": pgettext_lazy("launch", "Arabic, in Dubai"),
            "location": "AE",
            "market": "AE",
            "language": ARABIC,
        },
        {**esim_pc, **physical_sim, "title": _("Physical SIM"), "location": "US", "market": "US"},
        {**esim_pc, **NOTHING, "title": _("Open web"), "market": "US", "host": OPEN_WEB},
        {**esim_pc, "title": _("Brazil: no plans"), "location": "BR"},
        {**esim_pc, "title": _("Broken EID"), "eid": EID[:-1] + "6"},
        {**esim_pc, "title": _("Newest app"), "host": INLINE},
        {**esim_pc, "title": _("Carrier web sheet"), "host": ODSA},
        {**esim_pc, "title": _("eSIM there already"), "iccids": INSTALLED_ICCID},
    ]
