"""Bytes to values and back; knows protocols, not meaning."""
