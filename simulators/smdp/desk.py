"""The order desk: which ICCIDs and profile types an order may name.

Without declared stock, the desk knows every ICCID of 18 to 20 digits, Available when first seen,
and never runs out of any type. Once stock of any type was declared, or with `is_strict` from the
start, the desk knows only declared stock.
"""

from dataclasses import dataclass, field

from simulators.smdp.books import Books, Profile
from simulators.smdp.es2plus import Refused
from simulators.smdp.stock import invent_iccid


@dataclass(frozen=True)
class Limits:
    """How many wrong confirmation codes and downloads end an order; 0 means no limit."""

    wrong_codes: int = 0
    downloads: int = 0


@dataclass(frozen=True)
class Desk:
    """The books, the SM-DP+'s address, and what this operator may not order."""

    books: Books
    address: str
    foreign_prefixes: tuple[str, ...] = ()
    refused_types: tuple[str, ...] = ()
    is_strict: bool = False
    limits: Limits = field(default_factory=Limits)
    # Whether ConfirmOrder answers with the address, which is optional (SGP.22 v2.2, 5.3.2).
    names_address: bool = True

    def profile(self, iccid: str) -> Profile:
        """Return the profile; raises `Refused` if it is unknown or belongs to another operator."""
        if iccid.startswith(self.foreign_prefixes):
            raise Refused("8.2.1", "1.2", "this ICCID belongs to another operator")
        profile = self.books.find(iccid)
        if profile is None and self._knows_its_stock():
            raise Refused("8.2.1", "3.9", "this ICCID is unknown")
        return profile or self.books.add(Profile(iccid))

    def check_type(self, profile_type: str) -> None:
        """Check a profile type; raises `Refused` if it is unknown or may not be ordered."""
        if profile_type in self.refused_types:
            raise Refused("8.2.5", "1.2", "this profile type may not be ordered")
        types = self.books.types()
        if (types or self.is_strict) and profile_type not in {"", *types}:
            raise Refused("8.2.5", "3.9", "this profile type is unknown")

    def take_from_stock(self, profile_type: str) -> Profile:
        """Return an available profile of this type; raises `Refused` if there is none."""
        if not self._knows_its_stock():
            return self.books.add(Profile(invent_iccid(self.books)))
        profile = self.books.available(profile_type)
        if profile is None:
            raise Refused("8.2.5", "3.7", "no profile of this type is left")
        return profile

    def _knows_its_stock(self) -> bool:
        return self.is_strict or bool(self.books.types())
