"""A board with sites on it, without an operator; and a browser that looks at it."""
