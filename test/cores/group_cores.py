# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Simulated cores for the tests of groups, and the waits and rules that those tests share."""

from dataclasses import replace
import time

from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.cores.mock_core import MockCore
from faster_deploy_ros.errors import InferFailed

PATIENCE_S = 20.0
PATIENT = HealthRules(failures=1000)
QUICK = HealthRules(probe_s=0.01, probe_limit_s=0.02, hang_s=PATIENCE_S)
HANGS = replace(QUICK, hang_s=0.1)
NEVER = HealthRules(probe_s=1000.0, probe_limit_s=2000.0)   # no probe comes by itself


def mock(device=0, options='', seats=1, **wishes):
    core = MockCore(f'mock.{device}://identity?shape=1{options}', seats=seats, **wishes)
    core.load()
    return core


def infer(group, value=1.0):
    """Carry one value through the group; return the core that served it."""
    with group.lease(PATIENCE_S) as blobs:
        blobs['x'].data[...] = value
        group.sync_infer(blobs)
        assert blobs['y'].data[0] == value
        return blobs.owner


def states(group):
    return [member.state for member in group.members]


def fail_until_out(group, device=0):
    """Lease until the broken core is out; return how many inferences failed."""
    failed = 0
    while states(group)[device] == 'in':
        try:
            infer(group)
        except InferFailed:
            failed += 1
    return failed


def know(group):
    """Let the group know its cores' times: a first inference may take its time."""
    for member in group._members:
        for _ in range(2):
            member.times.add(0, 0.0005)


def all_leased(group, core):
    """Lease every seat at once: the core's is among them."""
    with group.lease(PATIENCE_S) as one, group.lease(PATIENCE_S) as two:
        return core in (one.owner, two.owner)


def until(condition):
    """Wait for something that another thread is about to do."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.0005)
