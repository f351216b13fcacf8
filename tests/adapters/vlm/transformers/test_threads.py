"""Every thread computes on as many cores as it was told, whatever others are told."""

from __future__ import annotations

import threading

import torch
from threadpoolctl import threadpool_info, threadpool_limits

from inspector.adapters.vlm.transformers.threads import (
    limit_numpy_to_one_core,
    run_in_own_thread,
    set_compute_threads,
    single_core_executor,
)


def test_a_thread_keeps_its_number_when_others_are_told_another() -> None:
    told, counted = threading.Event(), list[int]()

    def compute() -> None:
        set_compute_threads(2)
        told.wait(10)
        counted.append(torch.get_num_threads())

    computing = threading.Thread(target=compute)
    computing.start()
    with single_core_executor(1) as preparing:
        assert preparing.submit(torch.get_num_threads).result() == 1
        told.set()
        computing.join()
        assert counted == [2]
        assert preparing.submit(torch.get_num_threads).result() == 1


def test_what_is_computed_apart_leaves_no_thread_behind() -> None:
    before = threading.active_count()
    assert run_in_own_thread(torch.get_num_threads, 2) == 2
    assert threading.active_count() == before


def test_numpy_has_no_helpers_beside_the_engine() -> None:
    with threadpool_limits(2, user_api="blas"):
        limit_numpy_to_one_core()
        pools = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert pools
    assert set(pools) == {1}
