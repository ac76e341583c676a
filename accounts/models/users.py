"""The one user model of customers and staff. Neither can open the other's pages."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import Lower

from accounts.identifier import is_identifier, normalise
from accounts.models.codes import Address
from moportal.text.normal_text import normalise_text


class UserManager(BaseUserManager["User"]):
    """Creates and finds users by the normal form of their identifier."""

    def create_user(self, username: str, password: str | None = None, **fields: Any) -> "User":
        """Create the user. A customer's identifier is the first of the account's addresses."""
        user = self.model(username=normalise(username), **fields)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            if not user.is_staff and is_identifier(user.username):
                Address.objects.create(account=user, value=user.username)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(username, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username=normalise(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A customer with an email address or a phone number, or one of the operator's staff."""

    username = models.CharField(
        "email or phone", max_length=254, unique=True, error_messages={"unique": "Already in use."}
    )
    name = models.CharField(max_length=150, blank=True)
    # What the owner chose; empty until then.
    language = models.CharField(max_length=12, blank=True)
    # What the pages were shown in at the latest sign-in.
    page_language = models.CharField(max_length=12, blank=True, editable=False)
    # An IANA time zone that the owner chose; empty until then.
    time_zone = models.CharField(max_length=40, blank=True, default="", db_default="")
    # The market of the latest launch in which the owner signed in.
    market = models.CharField(max_length=2, blank=True, default="", db_default="", editable=False)
    # The operator knew the customer before the portal did: the account was made by a first sign-in
    # at the operator's OpenID Connect provider.
    is_from_operator = models.BooleanField(default=False, editable=False)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # From then on the row says nothing about anybody. It stays while orders refer to it.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        permissions = [
            ("end_sign_ins", "Can sign a customer out everywhere"),
            ("give_password_link", "Can give staff a link to set their password"),
        ]
        constraints = [
            models.CheckConstraint(
                name="erased_account_is_closed_and_has_no_name",
                condition=Q(erased_at__isnull=True) | Q(is_active=False, name=""),
            ),
        ]
        indexes = [
            models.Index(
                name="erased_accounts", fields=["erased_at"], condition=Q(erased_at__isnull=False)
            ),
            # Staff type a name in any case.
            models.Index(Lower("name"), name="accounts_by_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.username

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """Return the identifier's normal form. Django's forms and commands call this method."""
        return normalise(username)

    def set_password(self, raw_password: str | None) -> None:
        """Set the password in its normal form: a keyboard may send another one tomorrow."""
        super().set_password(_normalise_password(raw_password))

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether this is the password, however a keyboard composes its characters."""
        return super().check_password(_normalise_password(raw_password))

    def get_short_name(self) -> str:
        """Return the name that the admin greets its user with."""
        return self.name or self.username


def _normalise_password(password: str | None) -> str | None:
    return None if password is None else normalise_text(password)
