"""The launch form: the parameters that the app puts into the portal's address."""

from django import forms
from django.utils.translation import gettext_lazy as _

from simulators.mobileplans.device import FAILURES, INSTALLED

EID = "89049032123451234512345678901235"
IMEI = "490154203237518"
ENGLISH = "en-US,en;q=0.9"
GERMAN = "de-DE,de;q=0.9"
ARABIC = "ar-AE,ar;q=0.9"
OTHER = "other"
LANGUAGES = [
    (ENGLISH, "English"),
    (GERMAN, "Deutsch"),
    ("es-ES,es;q=0.9", "Español"),
    ("fr-FR,fr;q=0.9", "Français"),
    ("pt-BR,pt;q=0.9", "Português"),
    (ARABIC, "العربية"),
    ("ja-JP,ja;q=0.9", "日本語"),
    ("zh-CN,zh;q=0.9", "简体中文"),
    (OTHER, _("Other")),
]
DATAMART, INLINE, ODSA, OPEN_WEB = "datamart", "inline", "odsa", "none"
HOSTS = [
    (DATAMART, _("Mobile Plans, as documented")),
    (INLINE, _("Mobile Plans, newest")),
    (ODSA, _("Carrier web sheet")),
    (OPEN_WEB, _("No app: open web")),
]
DOWNLOADS = [(INSTALLED, _("Succeeds")), *((name, name) for name in FAILURES)]

# One cookie of 4096 bytes carries these values, and a
# punctuation mark takes three of them.
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
    accept_language = forms.CharField(label="Accept-Language", initial="it-IT,it;q=0.9,en;q=0.5")
    lpa_codes = forms.CharField(label="X-MP-LPAError-Codes", max_length=LONGEST_LIST)
    lpa_times = forms.CharField(label="X-MP-LPAError-TimeStamps", max_length=LONGEST_LIST)
    lpa_iccids = forms.CharField(label="X-MP-LPAError-ICCIDs", max_length=LONGEST_ICCID)
