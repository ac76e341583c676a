"""Log lines: their form, the masking of identifiers, and the log of sign-ins."""
