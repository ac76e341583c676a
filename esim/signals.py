"""Announcements to the rooms above."""

from django.dispatch import Signal

# Sent with `profile` inside the transaction that marks it downloaded.
profile_downloaded = Signal()
# Sent with `profile` and `notice`, a `DownloadProgress`, inside the
# transaction that applies it.
download_failed = Signal()
