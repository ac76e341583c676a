"""Payment methods and payments, with gateways behind one protocol."""
