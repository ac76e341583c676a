"""Certificates: who a certificate identifies, and the files that say which are trusted."""
