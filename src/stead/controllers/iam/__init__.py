"""Background work of IAM."""
