"""What this room announces to those above it."""

from django.dispatch import Signal

# Sent with `profile` inside the transaction that marks it downloaded.
profile_downloaded = Signal()
# Sent with `profile` and `told`, its `DownloadProgress`, inside the transaction that looks at it.
download_failed = Signal()
