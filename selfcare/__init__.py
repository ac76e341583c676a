"""The customer's account: lines with their remaining data, payment methods and orders."""
