"""The customer: sign in and sign up. One user model for customers and staff."""
