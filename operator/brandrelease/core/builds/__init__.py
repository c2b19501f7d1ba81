"""From commit to image: whether it is built already, whose turn it is to be built, and how its build stands."""
