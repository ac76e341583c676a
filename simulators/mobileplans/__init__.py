"""The Windows Mobile Plans app, as far as a portal can see it: a WebView, its object, its device.

It knows the portal only over HTTP and by the source documents, like the app itself. Served by the
portal's own web process because a frame must share the portal's origin to be looked into.
"""
