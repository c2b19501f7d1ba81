"""A fleet of thousands: what it costs at rest, how fast all of it is released at once, and who suffers from whom."""
