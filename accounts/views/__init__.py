"""The pages to sign in, to sign up, and to come back without the password."""
