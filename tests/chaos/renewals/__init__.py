"""Plans that renew, with real workers that die, over HTTP."""
