"""What every page and API answer shares: headers, middleware, errors, sessions, kept forms."""
