"""What is generated from the API models. Needed while developing only; nothing at run time imports it."""
