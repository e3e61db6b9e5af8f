# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run one node: init, spin in one thread, leave in good order."""

from collections.abc import Callable, Sequence
from contextlib import suppress
import signal
import threading
from typing import TYPE_CHECKING

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions

if TYPE_CHECKING:
    from faster_deploy_ros.nodes.perception_node import PerceptionNode

ENDING = (signal.SIGINT, signal.SIGTERM)


def run(node_type: 'type[PerceptionNode]', args: Sequence[str] | None = None) -> int:
    """
    Run a node until it ends, SIGINT or SIGTERM; return the exit code of the process.

    A signal is waited for by a thread that only wakes the ROS thread up: the node then
    deactivates while its publishers still work, so that the last frames and counts get out.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)   # before any thread: all of them inherit it
    rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    node = node_type()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    asked = threading.Event()
    wake_up = node.create_guard_condition(lambda: None)
    waiter = threading.Thread(
        target=_wait_for_signal, args=(asked, wake_up.trigger), daemon=True, name='signals')
    waiter.start()
    try:
        while rclpy.ok() and not asked.is_set() and node.exit_code is None:
            executor.spin_once()
    except ExternalShutdownException:
        pass
    code = node.end()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    return code


def _wait_for_signal(asked: threading.Event, wake_up: Callable[[], None]) -> None:
    signal.sigwait(ENDING)
    asked.set()
    with suppress(rclpy_implementation.InvalidHandle):   # the node may just have ended by itself
        wake_up()
