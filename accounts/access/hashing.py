"""The gate before password hashing.

One hash takes a quarter of a second of all processors and 100 MB. Anybody may send passwords, so
without the gate a few senders would take every thread that serves pages.
"""

from django.conf import settings

from moportal.web.gate import Gate

GATE = Gate(at_once=settings.PASSWORDS_AT_ONCE, waiting=3, longest_wait=2.0)
