"""Many releases for a long time, with faults at random, on a real etcd, API server, git server and registry."""
