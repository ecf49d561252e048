"""The services that Stead forwards to a neighbour (designs/neighbours.md)."""
