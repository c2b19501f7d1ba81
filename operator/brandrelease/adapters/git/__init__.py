"""The port `GitRemote` on the git program: what a ref points to, and what is new between two commits."""
