"""Text from people and files: languages, normal forms, card numbers, CSV, formatted quantities."""
