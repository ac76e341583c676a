"""Who is let in at each route. `tests/test_access.py` walks it, and docs/access.md shows it.

A new route fails the test until it is listed here. A new page of the desk needs a line in `DESK`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

PEOPLE = ("anonymous", "customer", "another customer", "viewer", "agent", "administrator")
# The customer owns all rows that an address names.
CUSTOMERS, STAFF = PEOPLE[:3], PEOPLE[3:]
# What somebody meets at a route: the page, or another page that it leads on to; the page to sign
# in; "there is no such page"; or a refusal.
PAGE, SIGN_IN, NOT_FOUND, REFUSED = "page", "sign in", "404", "refused"

EVERYBODY = (PAGE,) * 6
CUSTOMER = (SIGN_IN, PAGE, PAGE, SIGN_IN, SIGN_IN, SIGN_IN)
OWNER = (SIGN_IN, PAGE, NOT_FOUND, SIGN_IN, SIGN_IN, SIGN_IN)
AT_THE_DESK = (SIGN_IN, SIGN_IN, SIGN_IN, PAGE, PAGE, PAGE)
ADMINISTRATOR = (SIGN_IN, SIGN_IN, SIGN_IN, REFUSED, REFUSED, PAGE)
NOTHING_THERE = (SIGN_IN, SIGN_IN, SIGN_IN, NOT_FOUND, NOT_FOUND, NOT_FOUND)
AGENT = (SIGN_IN, SIGN_IN, SIGN_IN, REFUSED, PAGE, PAGE)
NOBODY_OF_STAFF = (SIGN_IN, SIGN_IN, SIGN_IN, REFUSED, REFUSED, REFUSED)
# Nobody signs in at these. Other systems have a certificate, a token or a signature.
SYSTEMS = (REFUSED,) * 6

ROUTES: dict[str, tuple[str, ...]] = {
    "/": EVERYBODY,
    "/launch-refused/": EVERYBODY,
    "/handoff/": EVERYBODY,
    "/handoff/report/": SYSTEMS,
    "/sign-in/": EVERYBODY,
    "/sign-up/": EVERYBODY,
    "/recover/": EVERYBODY,
    "/recover/code/": EVERYBODY,
    "/recover/code/enter/": EVERYBODY,
    "/recover/code/again/": EVERYBODY,
    "/recovery-code/": EVERYBODY,
    "/oidc/start/": EVERYBODY,
    "/oidc/return/": EVERYBODY,
    "/oidc/join/": EVERYBODY,
    "/oidc/sign-out/": EVERYBODY,
    "/oidc/signed-out/": EVERYBODY,
    "/oidc/logout/": SYSTEMS,
    "/options/": CUSTOMER,
    "/plans/": CUSTOMER,
    "/plans/<pk>/terms/": EVERYBODY,
    "/lines/": CUSTOMER,
    "/device/": CUSTOMER,
    "/device/shared/": EVERYBODY,
    "/device/told/<what>/": EVERYBODY,
    "/sim/": CUSTOMER,
    "/payment/": CUSTOMER,
    "/payment/card/<key>/": OWNER,
    "/payment/card/<key>/open/": OWNER,
    "/payment/card/<key>/returned/": OWNER,
    "/review/": CUSTOMER,
    "/orders/<number>/": OWNER,
    "/orders/<number>/continue/": OWNER,
    "/orders/<number>/returned/": OWNER,
    "/orders/<number>/bank/": OWNER,
    "/orders/<number>/other-device/": OWNER,
    "/orders/<number>/other-way/": OWNER,
    "/orders/<number>/code/": OWNER,
    "/orders/<number>/again/": OWNER,
    "/orders/<number>/install/": OWNER,
    "/pay/": EVERYBODY,
    "/pay/order/": EVERYBODY,
    "/pay/<code>/": EVERYBODY,
    "/esim-problem/": EVERYBODY,
    "/withdraw/": EVERYBODY,
    "/cancel/": EVERYBODY,
    "/declared/": EVERYBODY,
    "/declared/file/": EVERYBODY,
    "/leave/": EVERYBODY,
    "/support/": EVERYBODY,
    "/terms/": EVERYBODY,
    "/privacy/": EVERYBODY,
    "/language/": EVERYBODY,
    "/styles/<sheet>-<version>.css": EVERYBODY,
    "/logo/<name>": EVERYBODY,
    "/account/": CUSTOMER,
    "/account/messages/<number>/": OWNER,
    "/account/messages/<number>/file/": OWNER,
    "/account/time-zone/": CUSTOMER,
    "/account/methods/add/": CUSTOMER,
    "/account/methods/add/<key>/": OWNER,
    "/account/methods/add/<key>/open/": OWNER,
    "/account/methods/add/<key>/returned/": OWNER,
    "/account/plans/<reference>/": OWNER,
    "/account/plans/<reference>/bank/": OWNER,
    "/account/plans/<reference>/add-data/": OWNER,
    "/account/plans/<reference>/cancel/": OWNER,
    "/account/plans/<reference>/cancel/undo/": OWNER,
    "/account/plans/<reference>/change/": OWNER,
    "/account/plans/<reference>/change/<number>/": OWNER,
    "/account/plans/<reference>/change/undo/": OWNER,
    "/account/plans/<reference>/devices/<number>/remove/": OWNER,
    "/account/plans/<reference>/move/undo/": OWNER,
    "/account/plans/<reference>/name/": OWNER,
    "/account/plans/<reference>/pay/": OWNER,
    "/account/plans/<reference>/returned/": OWNER,
    "/account/methods/<number>/remove/": OWNER,
    "/account/receipts/": CUSTOMER,
    "/account/receipts/<number>/": OWNER,
    "/account/receipts/<number>/file/": OWNER,
    "/account/credit-notes/<number>/": OWNER,
    "/account/credit-notes/<number>/file/": OWNER,
    "/account/lines/link/": CUSTOMER,
    "/account/lines/link/code/": CUSTOMER,
    "/account/lines/link/code/again/": CUSTOMER,
    "/account/lines/link/<link>/": OWNER,
    "/account/security/": CUSTOMER,
    "/account/security/password/": CUSTOMER,
    "/account/security/password/first/": CUSTOMER,
    "/account/security/recovery-code/": CUSTOMER,
    "/account/security/sign-out-others/": CUSTOMER,
    "/account/security/operator/<number>/remove/": OWNER,
    "/account/addresses/": CUSTOMER,
    "/account/addresses/add/": CUSTOMER,
    "/account/addresses/code/": CUSTOMER,
    "/account/addresses/code/again/": CUSTOMER,
    "/account/addresses/<number>/prove/": OWNER,
    "/account/addresses/<number>/sign-in/": OWNER,
    "/account/addresses/<number>/remove/": OWNER,
    "/account/export/": CUSTOMER,
    "/account/export/<made>/": OWNER,
    "/account/delete/": CUSTOMER,
    "/account/delete/undo/": CUSTOMER,
    "/account/confirm/": CUSTOMER,
    "/account/confirm/address/": CUSTOMER,
    "/account/confirm/code/": CUSTOMER,
    "/account/confirm/code/again/": CUSTOMER,
    "/payments/webhook": SYSTEMS,
    "/payments/webhook/<name>": SYSTEMS,
    "/v1/sims/<sim>/balances": SYSTEMS,
    "/v1/usage": SYSTEMS,
    "/gsma/rsp2/es2plus/handleDownloadProgressInfo": SYSTEMS,
    "/find": AT_THE_DESK,
    "/customers/<account>/": AT_THE_DESK,
    "/customers/<account>/actions/<name>/<row>/": AGENT,
    "/decisions/<asked>/": AGENT,
    "/cases/": AT_THE_DESK,
    "/dashboard/": AT_THE_DESK,
    "/cases/<kind>/<row>/": AT_THE_DESK,
    "/admin/": AT_THE_DESK,
    "/admin/login/": EVERYBODY,
    "/admin/logout/": EVERYBODY,
    # It leads on to the sign-in.
    "/admin/second-factor/": EVERYBODY,
    "/admin/password_change/": AT_THE_DESK,
    "/admin/password_change/done/": AT_THE_DESK,
    # Its answer depends on the permissions for the field that the request names.
    "/admin/autocomplete/": (SIGN_IN, SIGN_IN, SIGN_IN, REFUSED, REFUSED, REFUSED),
    "/admin/jsi18n/": AT_THE_DESK,
    "/admin/r/<content_type_id>/<object_id>/": NOTHING_THERE,
    "/admin/<app_label>/": AT_THE_DESK,
    "/admin/<url>": NOTHING_THERE,
    "/admin/interfaces/": AT_THE_DESK,
    "/admin/interfaces/openapi.yaml": AT_THE_DESK,
    "/admin/esim/sim/import/": ADMINISTRATOR,
    # It opens only by a link that works.
    "/admin/set-password/": (NOT_FOUND,) * 6,
    # A customer gets no link. Staff do: `tests/accounts/test_password_links.py`.
    "/admin/accounts/user/<object_id>/password-link/": NOBODY_OF_STAFF,
    "/admin/accounts/user/<object_id>/recovery/": AGENT,
    "/admin/orders/declaration/<object_id>/case/": AGENT,
}
# A GET leads on before the row is looked for.
BY_GET = {"/account/methods/<number>/remove/": CUSTOMER}


ROLES = (
    *("viewer", "agent", "supervisor", "catalogue editor", "finance"),
    *("auditor", "administrator"),
)
READERS = tuple(role for role in ROLES if role not in {"catalogue editor", "finance"})
DECIDERS = ("supervisor", "administrator")
AGENTS, EDITORS = ("agent", "supervisor", "administrator"), ("catalogue editor", "administrator")
ADMIN = ("administrator",)
POSTERS = ("supervisor", "catalogue editor", "administrator")


@dataclass(frozen=True)
class Desk:
    """Which roles of staff read, add, change and delete the rows of one page of the desk."""

    reads: tuple[str, ...] = READERS
    adds: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    deletes: tuple[str, ...] = ()


READ = Desk()
READ_BY_FINANCE = Desk(reads=(*READERS, "finance"))
WRITE = Desk(adds=ADMIN, changes=ADMIN, deletes=ADMIN)
EDIT = Desk((*READERS, "catalogue editor"), adds=EDITORS, changes=EDITORS, deletes=EDITORS)
DESK: dict[str, Desk] = {
    "accounts/accessevent": READ,
    "accounts/attemptcount": READ,
    "accounts/codeservicecall": READ,
    "accounts/numbercheck": READ,
    "accounts/staffrecovery": READ,
    # Only superusers add staff.
    "accounts/user": Desk(changes=ADMIN, deletes=ADMIN),
    "admin/logentry": Desk(reads=("auditor", "administrator")),
    "auth/group": Desk(reads=()),
    "brand/legaltext": EDIT,
    "brand/marketrules": EDIT,
    "brand/notice": Desk(EDIT.reads, adds=POSTERS, changes=POSTERS),
    "brand/operator": EDIT,
    "customer_messages/message": READ,
    "esim/downloadprogress": READ,
    "esim/iccidrange": WRITE,
    "esim/poollevel": WRITE,
    "esim/profile": READ,
    "esim/sim": Desk(changes=ADMIN, deletes=ADMIN),
    "esim/smdpprovider": WRITE,
    "esim/source": WRITE,
    "mobileplans/lpareport": Desk(changes=AGENTS),
    "mobileplans/visit": READ,
    "orders/declaration": READ,
    "orders/order": READ_BY_FINANCE,
    "orders/payingcode": READ,
    "orders/repair": READ,
    "orders/return": READ,
    "orders/salespause": Desk(adds=DECIDERS, changes=DECIDERS),
    "outbox/task": READ,
    "payments/bookday": READ_BY_FINANCE,
    "payments/bookdifference": READ_BY_FINANCE,
    "payments/bookentry": READ_BY_FINANCE,
    "payments/cardpage": READ_BY_FINANCE,
    "payments/dispute": READ_BY_FINANCE,
    "payments/fraudwarning": READ_BY_FINANCE,
    "payments/mandate": READ_BY_FINANCE,
    "payments/payment": READ_BY_FINANCE,
    "payments/paymentmethod": READ_BY_FINANCE,
    "payments/refund": READ_BY_FINANCE,
    "payments/stoppeddevice": READ_BY_FINANCE,
    "plans/plan": Desk(EDIT.reads, adds=EDITORS, changes=EDITORS),
    "subscriptions/chargingcall": READ,
    "subscriptions/customercall": READ,
    "subscriptions/line": WRITE,
    "subscriptions/linelink": READ,
    "subscriptions/operatorline": READ,
    "subscriptions/period": READ,
    "subscriptions/pricechange": Desk(EDIT.reads, adds=EDITORS),
    "subscriptions/pricenotice": READ,
    "subscriptions/subscription": WRITE,
    "subscriptions/takeover": READ,
    "subscriptions/usagepull": READ,
    "subscriptions/usagerecord": READ,
    "subscriptions/wayout": READ,
    "support/casenote": Desk(reads=("auditor", "administrator")),
    "support/casework": Desk(reads=("auditor", "administrator")),
    "support/opening": Desk(reads=("auditor", "administrator")),
    "support/staffaction": Desk(reads=("auditor", "administrator")),
}


@dataclass(frozen=True)
class Step:
    """A request to a route, and what each person meets."""

    method: str
    route: str
    meets: tuple[str, ...]


def steps() -> Iterator[Step]:
    """Yield the requests of the walk: every route, read and sent to."""
    for route, meets in ROUTES.items():
        yield Step("GET", route, BY_GET.get(route, meets))
        yield Step("POST", route, meets)
    for name, desk in DESK.items():
        page = f"/admin/{name}"
        # A list is sent to for its actions, which `tests/accounts/test_roles.py` tries.
        yield Step("GET", f"{page}/", _at_the_desk(desk.reads))
        yield Step("GET", f"{page}/<object_id>/", AT_THE_DESK)
        yield Step("GET", f"{page}/<object_id>/history/", _at_the_desk(desk.reads))
        yield Step("GET", f"{page}/<object_id>/change/", _at_the_desk(desk.reads))
        yield Step("POST", f"{page}/<object_id>/change/", _at_the_desk(desk.changes))
        for method in ("GET", "POST"):
            yield Step(method, f"{page}/add/", _at_the_desk(desk.adds))
            yield Step(method, f"{page}/<object_id>/delete/", _at_the_desk(desk.deletes))


def _at_the_desk(roles: tuple[str, ...]) -> tuple[str, ...]:
    return (SIGN_IN,) * 3 + tuple(PAGE if role in roles else REFUSED for role in STAFF)


def route_rows() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the document's table of routes."""
    for route, meets in ROUTES.items():
        yield (f"`{route}`", *meets)


def desk_rows() -> Iterator[tuple[str, ...]]:
    """Yield the rows of the document's table of the desk's pages."""
    for name, desk in DESK.items():
        rights = {"reads": desk.reads, "adds": desk.adds}
        rights |= {"changes": desk.changes, "deletes": desk.deletes}
        cells = [
            ", ".join(right for right, roles in rights.items() if role in roles) or REFUSED
            for role in ROLES
        ]
        yield (f"`/admin/{name}/`", *cells)
