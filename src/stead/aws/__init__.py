"""The vocabulary that all layers share; imports nothing of Stead."""
