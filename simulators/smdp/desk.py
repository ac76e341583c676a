"""Where orders are taken: whose ICCIDs and which profile types they may name.

Without stock every ICCID of 18 to 20 digits is ours, Available when it is first seen, and of
every type there is always one more. Once stock was declared, of whatever type, or where the desk
is strict from the start, only what was declared is known.
"""

from dataclasses import dataclass, field

from simulators.smdp.books import Books, Profile
from simulators.smdp.es2plus import Refused
from simulators.smdp.stock import invent_iccid


@dataclass(frozen=True)
class Limits:
    """After how many wrong confirmation codes and downloads an order ends; 0 is no limit."""

    wrong_codes: int = 0
    downloads: int = 0


@dataclass(frozen=True)
class Desk:
    """The books, the address of this SM-DP+, and what it does not sell to this operator."""

    books: Books
    address: str
    foreign_prefixes: tuple[str, ...] = ()
    refused_types: tuple[str, ...] = ()
    is_strict: bool = False
    limits: Limits = field(default_factory=Limits)

    def profile(self, iccid: str) -> Profile:
        """Return the profile; raises `Refused` for one that is unknown or another operator's."""
        if iccid.startswith(self.foreign_prefixes):
            raise Refused("8.2.1", "1.2", "this ICCID belongs to another operator")
        profile = self.books.find(iccid)
        if profile is None and self._knows_its_stock():
            raise Refused("8.2.1", "3.9", "this ICCID is unknown")
        return profile or self.books.add(Profile(iccid))

    def check_type(self, profile_type: str) -> None:
        """Raise `Refused` for a profile type that is unknown or may not be ordered."""
        if profile_type in self.refused_types:
            raise Refused("8.2.5", "1.2", "this profile type may not be ordered")
        types = self.books.types()
        if (types or self.is_strict) and profile_type not in {"", *types}:
            raise Refused("8.2.5", "3.9", "this profile type is unknown")

    def take_from_stock(self, profile_type: str) -> Profile:
        """Return an Available profile of this type; raises `Refused` when there is none."""
        if not self._knows_its_stock():
            return self.books.add(Profile(invent_iccid(self.books)))
        profile = self.books.available(profile_type)
        if profile is None:
            raise Refused("8.2.5", "3.7", "no profile of this type is left")
        return profile

    def _knows_its_stock(self) -> bool:
        return self.is_strict or bool(self.books.types())
