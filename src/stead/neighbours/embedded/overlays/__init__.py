"""What Stead adds to moto, a file per subject (design D10; reference/moto-neighbours.md says what moto lacks)."""

from importlib import import_module

SUBJECTS = (
    "alarms",
    "classic_health",
    "cloud_map",
    "dependencies",
    "interface_permissions",
    "log_groups",
    "network_interfaces",
    "rules",
    "scaling_plans",
    "scaling_policies",
    "sessions",
    "target_health",
)


def declare() -> None:
    """Import every subject, which declares its overlays."""
    for subject in SUBJECTS:
        import_module(f"{__name__}.{subject}")
