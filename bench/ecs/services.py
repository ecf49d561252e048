"""How long one service's tasks take to RUNNING and away again, each with a network interface of its own, by their number.

    .venv/bin/python bench/ecs/services.py             10, 100, 1,000 tasks, a fresh Stead for each
    .venv/bin/python bench/ecs/services.py 10 50       other numbers

`stead serve --task-pace fast` on SQLite, every commit flushed, embedded neighbours, one worker. Prints the table of README.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

KEY = ("AKIABENCHROOT0000001", "the-root-secret-of-the-benchmark")
READY = "Stead is ready on "
LIMIT_SECONDS = 600  # a bound of a broken run, not a promise
POLL_SECONDS = 0.5  # each question costs Stead time too
SIZES = (10, 100, 1000)


class Figures(NamedTuple):
    """Seconds from CreateService's answer to all tasks RUNNING, to the steady state, and from scaling to zero until nothing is left.

    ``start_cpu`` and ``stop_cpu`` are the seconds of processor that all of Stead's processes, the neighbours' included, took for it.
    """

    tasks: int
    running: float
    start_cpu: float
    steady: float
    gone: float
    stop_cpu: float
    interfaces: int

    def line(self) -> str:
        """A row of the table."""
        each = [f"{seconds * 1000 / self.tasks:.0f} ms" for seconds in (self.running, self.start_cpu, self.gone, self.stop_cpu)]
        start = f"| {self.tasks:,} | {self.running:.1f} s | {each[0]} | {each[1]} | {self.steady:.1f} s "
        return f"{start}| {self.gone:.1f} s | {each[2]} | {each[3]} | {self.interfaces:,} |"


def main() -> None:
    """The table."""
    print("| tasks | all RUNNING | each | its CPU | steady state | all gone | each | its CPU | interfaces |")
    print("|---|---|---|---|---|---|---|---|---|")
    for size in [int(text) for text in sys.argv[1:]] or SIZES:
        with tempfile.TemporaryDirectory(prefix="stead-bench-") as folder:
            print(_measured(size, Path(folder)).line(), flush=True)


def _measured(size: int, folder: Path) -> Figures:
    command = [str(Path(sys.executable).with_name("stead")), "serve", "--port", "0", "--data-dir", str(folder), "--task-pace", "fast"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--root-credentials", ":".join(KEY)], stdout=subprocess.PIPE, stderr=log)
    try:
        return _run(size, _url(process), process.pid)
    finally:
        process.terminate()
        process.wait(30)


def _url(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if (text := line.decode()).startswith(READY):
            return text.removeprefix(READY).strip()
    raise RuntimeError("Stead did not start; see its log")


def _run(size: int, url: str, pid: int) -> Figures:
    ecs, ec2 = _client("ecs", url), _client("ec2", url)
    network = _network(ec2)
    ecs.create_cluster()
    ecs.register_task_definition(
        family="web",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "web", "image": "nginx"}],
    )
    ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=size, launchType="FARGATE", networkConfiguration=network)
    started, cpu = time.monotonic(), _cpu(pid)
    running = _until(lambda: _service(ecs)["runningCount"] == size) - started
    start_cpu = _cpu(pid) - cpu
    steady = _until(lambda: "steady state" in _service(ecs)["events"][0]["message"]) - started
    interfaces = len(ec2.describe_network_interfaces()["NetworkInterfaces"])
    tasks = {arn for page in ecs.get_paginator("list_tasks").paginate() for arn in page["taskArns"]}
    ecs.update_service(service="web", desiredCount=0)
    scaled, cpu = time.monotonic(), _cpu(pid)
    gone = _until(lambda: _all_stopped(ecs, tasks)) - scaled
    stop_cpu = _cpu(pid) - cpu
    left = len(ec2.describe_network_interfaces()["NetworkInterfaces"])
    if left:
        raise RuntimeError(f"{left} network interfaces are left")
    return Figures(size, running, start_cpu, steady, gone, stop_cpu, interfaces)


def _cpu(pid: int) -> float:
    """Seconds that the process and all below it took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    below = [child for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") + sum(_cpu(int(child)) for child in below)


def _client(service: str, url: str) -> Any:
    return boto3.Session(*KEY, region_name="us-east-1").client(  # type: ignore[call-overload]
        service, endpoint_url=url, config=Config(read_timeout=120, retries={"max_attempts": 0})
    )


def _network(ec2: Any) -> dict[str, Any]:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]
    return {"awsvpcConfiguration": {"subnets": [subnet]}}


def _service(ecs: Any) -> Any:
    return ecs.describe_services(services=["web"])["services"][0]


def _all_stopped(ecs: Any, tasks: set[str]) -> bool:
    """Asks about a hundred of those that were not STOPPED yet, and forgets those that are."""
    some = sorted(tasks)[:100]
    found = ecs.describe_tasks(tasks=some)["tasks"]
    stopped = {task["taskArn"] for task in found if task["lastStatus"] == "STOPPED"}
    tasks -= stopped
    return not tasks or (len(stopped) == len(some) and _all_stopped(ecs, tasks))


def _until(what: Any) -> float:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not what():
        if time.monotonic() > deadline:
            raise RuntimeError("it takes too long")
        time.sleep(POLL_SECONDS)
    return time.monotonic()


if __name__ == "__main__":
    main()
