"""The settings of the copies that tests start: the portal's own, except that hashes are fast.

A good hash takes a fifth of a second of processor time, and each new account needs two.
"""

from moportal.settings import *  # noqa: F403 -- Django reads all of them from here

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
