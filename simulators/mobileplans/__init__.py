"""The Windows Mobile Plans app as a portal sees it: a WebView, its JavaScript objects, a device.

Like the app, it knows the portal only over HTTP and from the app's documentation.
The portal's web process serves it, because the page may look into the portal's
frame only in the same origin.
"""
