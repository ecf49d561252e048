"""Builds everything, with the lists that show the whole program: what a request passes, which services there are, what runs by itself."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from stead.aws.clock import SECOND, now_ms
from stead.controllers.ecs.behalf import Behalf
from stead.controllers.ecs.capacity_providers import Associations, CapacityProviders
from stead.controllers.ecs.container_insights import ContainerInsights
from stead.controllers.ecs.container_instances import ContainerInstances
from stead.controllers.ecs.network_interfaces import NetworkInterfaces
from stead.controllers.ecs.pace import PACES, Pace
from stead.controllers.ecs.service_discovery import ServiceDiscovery
from stead.controllers.ecs.services import Services
from stead.controllers.ecs.simulated import SimulatedRuntime
from stead.controllers.ecs.target_registration import TargetRegistration
from stead.controllers.ecs.tasks import Tasks
from stead.controllers.ecs.waiting_tasks import WaitForInstance
from stead.controllers.iam.access_report import AccessReport
from stead.controllers.iam.linked_role_deletion import LinkedRoleDeletion
from stead.controllers.runner import Runner
from stead.gateway import upstream
from stead.gateway.credentials import CredentialCheck
from stead.gateway.pipeline import Pipeline
from stead.gateway.record import Recorder
from stead.gateway.standing import Standing
from stead.store.accounts import CLOCK_OFFSET
from stead.store.engine import Store
from stead.store.keyring import load_or_create
from stead.wire.asgi import Adapter
from stead.wire.http import Door
from stead.wire.internal import Internal

if TYPE_CHECKING:
    from collections.abc import Callable

    from stead.config import Settings
    from stead.controllers.runner import Controller
    from stead.store.engine import Reader
    from stead.wire.messages import HttpReply, HttpRequest

# Importing a noun declares its operations (aws/operation.py).
SERVICES = {
    "iam": (
        "users",
        "groups",
        "access_keys",
        "policies",
        "policy_versions",
        "account",
        "roles",
        "owned_policies",
        "instance_profiles",
        "authorization_details",
        "linked_roles",
        "access_reports",
        "granting_policies",
        "simulator",
    ),
    "iam_toolbox": ("details",),
    "sts": ("identity", "sessions", "authorization_messages"),
    "ecs": (
        "clusters",
        "tags",
        "task_definitions",
        "account_settings",
        "attributes",
        "poll_endpoint",
        "container_instances",
        "agent",
        "capacity_providers",
        "execute_command",
        "tasks",
        "services",
    ),
    "cloudtrail": ("events",),
    "neighbours": ("forwarding",),
}

# What runs by itself: each kind of work is rows of one table, stepped by the runner of whichever process comes first.
CONTROLLERS: tuple[Callable[[App], Controller], ...] = (
    lambda app: LinkedRoleDeletion(app.neighbours),
    lambda app: AccessReport(app.neighbours),
    lambda app: Tasks(
        app.behalf,
        SimulatedRuntime(app.pace),
        app.pace,
        provisioning=(WaitForInstance(app.pace), NetworkInterfaces(app.pace)),
        activating=(TargetRegistration(app.pace, app.store), ServiceDiscovery(app.pace)),
    ),
    lambda app: Services(app.behalf, app.pace),
    lambda app: ContainerInstances(app.behalf, app.pace),
    lambda app: CapacityProviders(app.pace),
    lambda app: Associations(app.behalf, app.pace),
    lambda app: ContainerInsights(app.behalf, app.pace),
)


def declare_operations() -> None:
    """Import every noun of every service."""
    for service, nouns in SERVICES.items():
        for noun in nouns:
            import_module(f"stead.services.{service}.{noun}")


class App:
    """One process's Stead: the parts, put together once."""

    def __init__(self, settings: Settings) -> None:
        declare_operations()
        self.settings = settings
        self.store: Store = Store(settings.store_url)
        self.ring = load_or_create(settings.data_dir / "keys", may_create=False)
        self.recorder = Recorder()
        self.standing = Standing(settings.account_id)
        self.credentials = CredentialCheck(self.standing, self.ring)
        rehearse_ms = int(settings.rehearse_propagation * SECOND)
        self.neighbours: upstream.NoNeighbours | upstream.NeighboursAtUrl | upstream.NeighboursWithin = _neighbours(settings)
        console = f"http://{settings.url_host}:{settings.port}/console"
        self.pipeline = Pipeline(
            self.store,
            self.standing,
            self.credentials,
            self.ring,
            self.recorder,
            neighbours=self.neighbours,
            rehearse_ms=rehearse_ms,
            console=console,
        )
        self.door = Door(self.pipeline)
        self.behalf: Behalf = Behalf(self.pipeline)
        self.pace: Pace = PACES[settings.task_pace]
        self.runner = Runner(self.store, [controller(self) for controller in CONTROLLERS], self.recorder, self.now)
        self.store.on_due = self.runner.wake
        self.internal = Internal(
            self.store,
            settings.host,
            self.recorder.clear,
            self.now,
            forget_neighbours=self.neighbours.forget,
            ephemeral=settings.ephemeral,
        )

    def answer(self, request: HttpRequest) -> HttpReply:
        """Any request to the port."""
        return self.internal.answer(request) if request.path.startswith(b"/_stead/") else self.door.answer(request)

    def now(self, db: Reader) -> int:
        """Stead's time: the machine's, and what a test added."""
        added: int = db.scalar(CLOCK_OFFSET, account=self.settings.account_id)
        return now_ms() + added

    def asgi(self) -> Adapter:
        """The application for the HTTP server."""
        return Adapter(self.answer, waits_always=not self.store.is_sqlite)

    def start(self) -> None:
        """Begin the background work of this process."""
        self.runner.start()

    def close(self) -> None:
        """End the background work; what waits in memory is written."""
        self.runner.stop()
        self.neighbours.close()
        self.store.close()


def _neighbours(settings: Settings) -> upstream.NoNeighbours | upstream.NeighboursAtUrl | upstream.NeighboursWithin:
    if settings.neighbours == "embedded":
        return upstream.NeighboursWithin(settings.data_dir, settings.account_id)
    return upstream.elsewhere(settings.neighbours, settings.neighbours_credentials, allow_real_aws=settings.allow_real_aws)
