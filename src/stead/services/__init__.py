"""AWS services, one slice each; the slices do not know each other."""
