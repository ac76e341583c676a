"""Payments under every mishap, by every gateway, until all books agree or a difference is found."""
