"""SIMs and their stock, SM-DP+ providers, profiles, and the calls and notices about them."""

from esim.models.profiles import DownloadProgress, Es2Call, Profile
from esim.models.providers import SmdpProvider, Source
from esim.models.stock import IccidRange, PoolLevel, Sim

__all__ = [
    "DownloadProgress",
    "Es2Call",
    "IccidRange",
    "PoolLevel",
    "Profile",
    "Sim",
    "SmdpProvider",
    "Source",
]
