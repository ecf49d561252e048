"""ECS's background work: one file a kind of row, one file a workflow (designs/ecs-workflows.md)."""
