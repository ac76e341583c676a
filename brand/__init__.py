"""The operator as data: name, logo, colours, support contact, terms and privacy."""
