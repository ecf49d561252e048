"""How uses are kept and written: the later wins, nothing is lost, whoever writes meanwhile."""

from __future__ import annotations

import time
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select
from support.stead import ACCOUNT

from stead.aws.call import Caller, CallerKind
from stead.gateway.last_used import LastUsed
from stead.store.tables import last_used

if TYPE_CHECKING:
    from support.stead import Stead

KEY = "AKIAIOSFODNN7EXAMPLE"
ALICE = Caller(CallerKind.USER, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/alice", "AIDAEXAMPLE", "AIDAEXAMPLE", access_key_id=KEY)
MOST_MICROSECONDS = 2.0  # the bar


def written(stead: Stead) -> dict[tuple[str, str, str], tuple[int, str]]:
    rows = stead.app.store.read().all_now(select(last_used))
    return {(row.subject_id, row.service, row.action): (row.time, row.region) for row in rows}


@pytest.mark.both_stores
def test_the_later_use_wins_whichever_process_writes_first(stead: Stead) -> None:
    here, there = LastUsed(), LastUsed()
    here.note(ALICE, "iam", "GetUser", "us-east-1", 2000)
    there.note(ALICE, "iam", "GetUser", "eu-west-1", 1000)
    there.note(ALICE, "iam", "GetRole", "eu-west-1", 3000)
    here.flush(stead.app.store)
    there.flush(stead.app.store)
    assert written(stead) == {
        ("AIDAEXAMPLE", "iam", "GetUser"): (2000, "us-east-1"),
        ("AIDAEXAMPLE", "iam", "GetRole"): (3000, "eu-west-1"),
        (KEY, "iam", ""): (3000, "eu-west-1"),
    }


@pytest.mark.both_stores
def test_processes_that_write_the_same_rows_do_not_hinder_each_other(stead: Stead) -> None:
    """Each sees the rows in another order, and writes them in the same one."""
    names = [f"Action{number}" for number in range(40)]
    troubles: list[BaseException] = []

    def work(ordered: list[str]) -> None:
        uses = LastUsed()
        try:
            for moment in range(15):
                for name in ordered:
                    uses.note(ALICE, "iam", name, "us-east-1", moment)
                uses.flush(stead.app.store)
                assert not uses._latest
        except BaseException as error:  # noqa: BLE001  # told in the test's own thread
            troubles.append(error)
        finally:
            stead.app.store.close()

    threads = [Thread(target=work, args=(ordered,)) for ordered in (names, names[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert {use for (_, _, action), use in written(stead).items() if action} == {(14, "us-east-1")}


def test_what_cannot_be_written_waits_and_a_later_use_is_not_overwritten(stead: Stead) -> None:
    uses = LastUsed()
    uses.note(ALICE, "iam", "GetUser", "us-east-1", 1000)
    uses.note(ALICE, "iam", "GetRole", "us-east-1", 1000)

    class Broken:
        """A store that cannot be written, during whose attempt somebody calls."""

        def write(self) -> Any:
            uses.note(ALICE, "iam", "GetRole", "us-east-1", 5000)
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        uses.flush(Broken())  # type: ignore[arg-type]  # stands for a store whose disk is full
    uses.flush(stead.app.store)
    assert written(stead)["AIDAEXAMPLE", "iam", "GetUser"] == (1000, "us-east-1")
    assert written(stead)["AIDAEXAMPLE", "iam", "GetRole"] == (5000, "us-east-1")


def test_nothing_to_write_is_no_transaction() -> None:
    LastUsed().flush(None)  # type: ignore[arg-type]  # not asked


def test_no_note_is_lost_while_another_thread_writes(stead: Stead) -> None:
    uses = LastUsed()
    names = [f"Action{number}" for number in range(3000)]
    noting = Thread(target=lambda: [uses.note(ALICE, "iam", name, "us-east-1", 1) for name in names])
    noting.start()
    while noting.is_alive():
        uses.flush(stead.app.store)
    uses.flush(stead.app.store)
    assert {action for _, _, action in written(stead)} == {*names, ""}


def test_a_note_costs_a_request_little() -> None:
    """The bar is two microseconds; the best of several runs, for a busy machine measures itself."""
    uses, rounds = LastUsed(), 10_000

    def run() -> float:
        began = time.perf_counter()
        for _ in range(rounds):
            uses.note(ALICE, "iam", "GetUser", "us-east-1", 1000)
        return (time.perf_counter() - began) / rounds * 1e6

    assert min(run() for _ in range(20)) < MOST_MICROSECONDS
