"""What customers are told: one row for each occasion and address, and the senders of the rows."""
