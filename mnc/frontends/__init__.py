"""What turns files into a `Graph`."""
