"""CloudTrail: the event history."""
