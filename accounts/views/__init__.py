"""The pages to sign in, to sign up, and to set a new password after the old one was forgotten."""
