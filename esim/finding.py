"""How the desk finds SIMs and profiles."""

import re
from collections.abc import Iterator

from django.db.models import QuerySet

from accounts.finding import phone_number
from esim.models import Profile, Sim
from moportal.finding import Kind, Typed, day
from moportal.sealed import digest

# With the prefix of QR codes or without it (SGP.22, 4.1). What follows the matching id is left out.
_ACTIVATION_CODE = re.compile(r"(LPA:)?1\$[^$]*\$([0-9A-Z-]+)(\$.*)?")
_MATCHING_ID = re.compile(r"([0-9A-Z]{5}-?){3}[0-9A-Z]{5}")


def profiles_of_code(typed: Typed) -> QuerySet[Profile]:
    """Return the profiles of an activation code or matching id. Only its digest is compared."""
    matching_id = _matching_id(typed.text)
    if not matching_id:
        return Profile.objects.none()
    return Profile.objects.filter(matching_id_digest=digest(matching_id))


def _matching_id(text: str) -> str:
    """Return the matching id, or an empty text if this is none."""
    upper = re.sub(r"\s", "", text).upper()
    if code := _ACTIVATION_CODE.fullmatch(upper):
        return code[2]
    # Digits alone are an ICCID.
    if not _MATCHING_ID.fullmatch(upper) or upper.isdigit():
        return ""
    return "-".join(re.findall("[0-9A-Z]{5}", upper))


def _profiles_by_code(typed: Typed) -> QuerySet[Profile]:
    return profiles_of_code(typed).select_related("sim")


def _sims_by_iccid(typed: Typed) -> QuerySet[Sim]:
    return Sim.objects.filter(iccid=typed.iccid) if typed.iccid else Sim.objects.none()


def _sims_by_number(typed: Typed) -> QuerySet[Sim]:
    number = phone_number(typed).removeprefix("+")
    return Sim.objects.exclude(msisdn="").filter(msisdn=number) if number else Sim.objects.none()


def _facts_of_sim(sim: Sim) -> Iterator[str]:
    yield sim.get_kind_display()
    yield sim.get_state_display()
    yield sim.msisdn and f"+{sim.msisdn}"


def _facts_of_profile(profile: Profile) -> Iterator[str]:
    yield profile.get_state_display()
    yield day(profile.created_at)
    yield profile.eid and f"EID {profile.eid}"


KINDS = (
    Kind("eSIM profiles", Profile, (_profiles_by_code,), _facts_of_profile),
    Kind("SIMs", Sim, (_sims_by_iccid, _sims_by_number), _facts_of_sim),
)
