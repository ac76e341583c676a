"""What the desk reads over all rooms: searches, timelines, and a customer at a glance."""
