"""What each role of staff may do at the desk: every page and every action, for every role."""

from collections.abc import Collection
from http import HTTPStatus

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client, RequestFactory

from accounts.models import User
from accounts.roles import (
    ADMINISTRATOR,
    AGENT,
    FINANCE,
    ROOMS,
    VIEWER,
    write_groups,
)
from mobileplans.models import LpaReport
from orders.models import Return
from orders.states import OrderState
from tests import access
from tests.builders import make_order, make_visit

ROLES = ("nobody", *access.ROLES)
AGENTS, EDITORS = frozenset(access.AGENTS), frozenset(access.EDITORS)
DECIDERS = frozenset(access.DECIDERS)
SETTLERS = frozenset({FINANCE, ADMINISTRATOR})
# Who is offered which action. Deleting rows is an action of every page that allows it.
ACTIONS = {
    ("accounts.user", "sign_out_everywhere"): AGENTS,
    ("orders.order", "resume"): AGENTS,
    ("orders.order", "give_up"): DECIDERS,
    ("orders.order", "take_back"): DECIDERS,
    ("orders.order", "issue_new_esim"): AGENTS,
    ("orders.declaration", "settle"): AGENTS,
    ("orders.salespause", "end_now"): DECIDERS,
    ("brand.notice", "end_now"): frozenset(access.POSTERS),
    ("mobileplans.lpareport", "take_in_hand"): AGENTS,
    ("mobileplans.lpareport", "resolve"): AGENTS,
    ("esim.profile", "clear_staff_alert"): AGENTS,
    ("esim.profile", "confirm_download"): AGENTS,
    ("payments.dispute", "answer"): SETTLERS,
    ("payments.dispute", "accept"): SETTLERS,
    ("payments.dispute", "mark_settled"): SETTLERS,
    ("payments.mandate", "end"): AGENTS,
    ("payments.stoppeddevice", "lift"): DECIDERS,
    ("payments.payment", "refund_part"): DECIDERS,
    ("payments.bookday", "fetch_again"): AGENTS | SETTLERS,
    ("payments.bookdifference", "settle"): SETTLERS,
    ("payments.refund", "retry"): DECIDERS,
    ("payments.refund", "mark_settled"): DECIDERS,
    ("payments.paymentmethod", "retry_removal"): AGENTS | SETTLERS,
    ("payments.paymentmethod", "mark_removed"): AGENTS | SETTLERS,
    ("accounts.attemptcount", "lift"): AGENTS,
    ("subscriptions.subscription", "resume"): AGENTS,
    ("subscriptions.pricechange", "withdraw"): EDITORS,
    ("subscriptions.takeover", "decide"): DECIDERS,
    ("customer_messages.message", "resend"): AGENTS,
}
PAGES = {model._meta.label_lower: page for model, page in admin.site._registry.items()}  # noqa: SLF001 -- no public list


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def member(role: str, alice: User) -> User:
    """Return a member of staff with this role."""
    return make_staff(role)


def make_staff(role: str = "nobody") -> User:
    user = User.objects.create_user(f"{role}@staff.example", "a pass phrase", is_staff=True)
    if role != "nobody":
        user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def desk(member: User, client: Client) -> Client:
    client.force_login(member)
    return client


def may(role: str, allowed: Collection[str]) -> int:
    return HTTPStatus.OK if role in allowed else HTTPStatus.FORBIDDEN


def address(label: str, rest: str = "") -> str:
    return f"/admin/{label.replace('.', '/')}/{rest}"


def test_only_readers_open_the_lists(desk: Client, role: str) -> None:
    for label in PAGES:
        readers = access.DESK[label.replace(".", "/")].reads
        assert desk.get(address(label)).status_code == may(role, readers), label


def test_only_editors_add_rows(desk: Client, role: str) -> None:
    for label in PAGES:
        adders = access.DESK[label.replace(".", "/")].adds
        assert desk.get(address(label, "add/")).status_code == may(role, adders), label


def test_each_role_is_offered_its_actions_and_no_other(member: User, role: str) -> None:
    request = RequestFactory().get("/")
    request.user = member
    for label, page in PAGES.items():
        offered = set(page.get_actions(request)) - {"delete_selected"}
        allowed = {name for (of, name), roles in ACTIONS.items() if of == label and role in roles}
        assert offered == allowed, label


def test_every_action_names_the_permission_it_needs() -> None:
    for label, page in PAGES.items():
        for name in page.actions or ():
            action = getattr(page, str(name))
            assert getattr(action, "allowed_permissions", None), f"{label}: {name}"


def test_every_page_belongs_to_a_room_whose_permissions_are_given() -> None:
    assert {label.partition(".")[0] for label in PAGES} - {"admin", "auth"} <= ROOMS


@pytest.mark.parametrize("because", [{}, {"because": "asked"}], ids=["first page", "confirmation"])
def test_only_supervisors_and_administrators_refund(
    desk: Client, role: str, alice: User, because: dict[str, str]
) -> None:
    order = make_order(alice)
    action = {"action": "take_back", "_selected_action": [order.pk], **because}
    answer = desk.post(address("orders.order"), action)

    asks_for_reason = b"go ahead" in answer.content
    told = "not complete" in desk.get(address("orders.order")).text
    is_allowed = role in DECIDERS
    assert (asks_for_reason, told) == (is_allowed and not because, is_allowed and bool(because))


def test_view_order_alone_changes_no_order(client: Client, alice: User) -> None:
    user = make_staff()
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(user)
    order = make_order(alice)
    for label, name in ACTIONS:
        if label == "orders.order":
            action = {"action": name, "_selected_action": [order.pk], "because": "x"}
            client.post(address(label), action)

    order.refresh_from_db()
    assert order.state == OrderState.ACKNOWLEDGED
    assert not Return.objects.exists()
    assert not order.repairs.exists()


def test_only_administrators_import_sims(desk: Client, role: str) -> None:
    assert desk.get(address("esim.sim", "import/")).status_code == may(role, {ADMINISTRATOR})
    has_link = "Import SIMs" in desk.get(address("esim.sim")).text
    assert has_link is (role == ADMINISTRATOR)


def test_only_agents_edit_lpa_errors(desk: Client, role: str) -> None:
    report = LpaReport.objects.create(visit=make_visit(), code="Other", code_as_sent="x")
    edited = {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": report.pk}

    desk.post(address("mobileplans.lpareport"), {**edited, "form-0-state": "resolved", "_save": 1})

    report.refresh_from_db()
    assert (report.state == "resolved") is (role in AGENTS)


RIGHTS = {"is_staff": "on", "is_superuser": "on"}


def test_no_role_gives_rights_to_a_user(desk: Client, role: str, alice: User, member: User) -> None:
    for user in (alice, member):
        desk.post(
            address("accounts.user", f"{user.pk}/change/"),
            {"username": user.username, "name": "New", "is_active": "on", **RIGHTS},
        )
        user.refresh_from_db()
        assert not user.is_superuser

    assert not alice.is_staff
    assert (alice.name == "New") is (role == ADMINISTRATOR)
    assert member.name != "New"


def test_no_role_adds_a_user_with_rights(desk: Client, role: str) -> None:
    desk.post(address("accounts.user", "add/"), {"username": "new@staff.example", **RIGHTS})

    assert not User.objects.filter(username="new@staff.example", is_staff=True).exists()
    assert not User.objects.filter(is_superuser=True).exists()


def test_no_role_deletes_staff(desk: Client, clara: User) -> None:
    action = {"action": "delete_selected", "_selected_action": [clara.pk], "post": "yes"}
    desk.post(address("accounts.user"), action)

    assert desk.post(address("accounts.user", f"{clara.pk}/delete/")).status_code == 403
    assert User.objects.filter(pk=clara.pk).exists()


def test_a_superuser_gives_staff_rights_but_no_customer(
    client: Client, clara: User, bob: User
) -> None:
    client.force_login(clara)
    agents, colleague = Group.objects.get(name=AGENT), make_staff()

    for user in (bob, colleague):
        client.post(
            address("accounts.user", f"{user.pk}/change/"),
            {"username": user.username, "is_active": "on", "groups": [agents.pk], **RIGHTS},
        )
        user.refresh_from_db()

    assert (bob.is_staff, bob.is_superuser, list(bob.groups.all())) == (False, False, [])
    assert (colleague.is_superuser, list(colleague.groups.all())) == (True, [agents])
    assert client.get(address("auth.group")).status_code == HTTPStatus.OK


def test_the_groups_are_written_again_as_the_product_has_them(db: None) -> None:
    viewer = Group.objects.get(name=VIEWER)
    viewer.permissions.set(Permission.objects.filter(codename="refund_order"))
    call_command("migrate", verbosity=0)

    codenames = set(viewer.permissions.values_list("codename", flat=True))
    assert "view_order" in codenames
    assert {name for name in codenames if not name.startswith("view_")} == {"open_customer"}


def test_groups_are_not_written_before_their_tables_are_there(db: None) -> None:
    last = [app for app in apps.get_app_configs() if app.models_module][-1]

    class Before:
        """The apps as a migration sees them that has gone back to before the groups."""

        def get_model(self, _app: str, _name: str) -> None:
            raise LookupError

    Group.objects.all().delete()
    write_groups(app_config=last, using="default", apps=Before())

    assert not Group.objects.exists()
