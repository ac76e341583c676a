"""What staff need to help a customer: one search box for everything that the portal knows."""
