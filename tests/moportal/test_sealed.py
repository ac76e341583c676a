"""`moportal.sealed`: secrets are encrypted, and keys can be rotated."""

from cryptography.fernet import Fernet

from moportal import sealed


def test_a_secret_is_decrypted_with_an_older_key_too(settings: object) -> None:
    before = sealed.seal("secret")
    settings.SEAL_KEYS = [Fernet.generate_key().decode(), *settings.SEAL_KEYS]  # type: ignore[attr-defined]  # pytest-django's own object

    after = sealed.seal("secret")

    assert before != after
    assert sealed.unseal(before) == sealed.unseal(after) == "secret"
    assert sealed.digest("secret") == sealed.digest("secret") != sealed.digest("Secret")
