"""The operator's OpenID Connect provider: what it publishes, and the identities of customers."""

from django.db import models

from accounts.models.users import User


class OidcProvider(models.Model):
    """What the provider publishes about itself, as a worker fetched it last.

    A request reads this row and never fetches.
    """

    issuer = models.CharField(max_length=200, unique=True)
    # The part of the provider's metadata that the portal uses, and the keys of its signatures.
    metadata = models.JSONField(default=dict)
    keys = models.JSONField(default=dict)
    fetched_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveIntegerField(default=0)
    last_error = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.issuer


class OidcIdentity(models.Model):
    """A customer of the provider, by the only name that never changes: issuer and subject."""

    account = models.ForeignKey(User, on_delete=models.CASCADE, related_name="oidc_identities")
    issuer = models.CharField(max_length=200)
    subject = models.CharField(max_length=255)
    # True if the identity was added to an account that existed. A new password removes it.
    is_joined = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "OpenID Connect identity"
        constraints = [
            models.UniqueConstraint(
                name="an_oidc_subject_has_one_account", fields=["issuer", "subject"]
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class OidcLogout(models.Model):
    """A logout that the provider has announced. Each counts once."""

    issuer = models.CharField(max_length=200)
    token_id = models.CharField(max_length=255)
    # After this time the announcement would be refused for its age.
    ends_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="an_oidc_logout_counts_once", fields=["issuer", "token_id"]
            ),
        ]
        indexes = [models.Index(name="oidc_logouts_by_end", fields=["ends_at"])]

    def __str__(self) -> str:
        return self.token_id
