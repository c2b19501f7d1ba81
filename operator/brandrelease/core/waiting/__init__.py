"""What a built release waits for before it changes anything, and how a person lets it through."""
