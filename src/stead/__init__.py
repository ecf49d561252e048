"""Stead: IAM, STS and ECS in which service-linked roles really work."""

__version__ = "0.1.0"
