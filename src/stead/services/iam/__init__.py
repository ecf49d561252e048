"""IAM: users, roles, policies and the linked roles, one file a noun."""
