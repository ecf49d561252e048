"""The neighbouring services that ECS calls on your behalf (design D9): one method, to embedded moto or to a URL."""
