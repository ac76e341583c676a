"""Which walks are photographed in which running copy. Import it after `django.setup()`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from playwright.sync_api import Browser

from tests.e2e.customer import Customer
from tests.oidc_provider import FakeProvider, client_settings, wait_for_keys
from tests.providers import break_it
from tests.screens import access, bank, desk, journey, linking, oidc, recovery
from tests.screens.photographer import Photographer
from tests.stack import Stack

Walk = Callable[[Customer, Photographer], None]
DeskWalk = Callable[[Browser, Stack], None]


@dataclass(frozen=True)
class Course:
    """The walks in one copy, whose environment has these settings. `prepare` runs before them.

    `many` are walked in the looks of all pages, `few` in the other looks too, and `desk` once.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    prepare: tuple[Callable[[Stack], None], ...] = ()
    few: tuple[Walk, ...] = ()
    many: tuple[Walk, ...] = ()
    desk: tuple[DeskWalk, ...] = ()

    @property
    def names(self) -> set[str]:
        return {walk.__name__ for walk in (*self.few, *self.many, *self.desk)}

    def only(self, names: set[str]) -> "Course":
        """Return the course with the walks of these names, or with all if there are no names."""
        if not names:
            return self
        return replace(
            self,
            few=tuple(walk for walk in self.few if walk.__name__ in names),
            many=tuple(walk for walk in self.many if walk.__name__ in names),
            desk=tuple(walk for walk in self.desk if walk.__name__ in names),
        )


def courses(provider: FakeProvider) -> tuple[Course, ...]:
    return (
        Course(
            prepare=(_slow_down, access.take_sim_as_stranger),
            few=(journey.buy, journey.open_web, journey.problems),
            many=(
                *(journey.read, journey.fail, journey.failed_download),
                *(access.recover, access.account, access.confirm_sim),
            ),
            desk=(desk.simulator, desk.orders),
        ),
        # All looks are of one network, and each walk has a SIM of its own.
        Course(few=(bank.bank_step,)),
        Course(many=(linking.link_lines,), desk=(recovery.recovery,)),
        Course(
            settings=client_settings(provider),
            prepare=(wait_for_keys,),
            many=(oidc.ProviderWalks(provider).operators_sign_in,),
        ),
        Course(
            settings={"PAYMENT_CARD_ENTRY": "page"},
            prepare=(_slow_down,),
            many=(journey.card_page,),
        ),
    )


def _slow_down(stack: Stack) -> None:
    """Slow both providers down, so that each step of the progress is visible."""
    for url, function in (
        (stack.smdp_url, "downloadOrder"),
        (stack.payment_url, "open_page"),
        (stack.payment_url, "fetch_page"),
    ):
        break_it(url, function, "delay", times=1000, seconds=3)
