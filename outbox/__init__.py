"""What must happen next, as rows: claimed with a lease, watched by the reconciler."""
