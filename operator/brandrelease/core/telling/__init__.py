"""People are told: Events for steps, and notices to endpoints for states."""
