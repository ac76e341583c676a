"""Sign-in with the operator's OpenID Connect provider (docs/accounts.md)."""
