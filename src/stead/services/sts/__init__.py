"""STS: identity and sessions."""
