"""The outbox: what must happen next, as rows that workers lease and process."""
