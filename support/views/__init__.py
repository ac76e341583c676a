"""The desk's own pages: what was found, and the customer on one page."""
