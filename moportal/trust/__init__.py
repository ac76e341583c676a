"""What the portal trusts: certificates, the files that say which are trusted, shared secrets."""
