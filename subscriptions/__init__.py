"""Lines and what they hold: SIMs, subscriptions, buckets, and the balance rule."""
