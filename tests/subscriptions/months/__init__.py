"""Plans that renew over two years, beside an oracle that does its own arithmetic."""
