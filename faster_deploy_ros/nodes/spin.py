# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Run one node: init, spin in one thread, leave in good order."""

from collections.abc import Callable, Sequence
from contextlib import suppress
import os
import signal
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING

import cv2
from faster_deploy_ros.allocator import keep_large_blocks
import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.signals import SignalHandlerOptions

if TYPE_CHECKING:
    from faster_deploy_ros.nodes.perception_node import PerceptionNode

BAD_ARGUMENTS = 2   # the exit code of a shell command that was called wrongly
ENDING = (signal.SIGINT, signal.SIGTERM)
SAME_WISH_S = 3.0   # signals this close together mean the same; launch insists after 5 s


def run(node_type: 'type[PerceptionNode]', args: Sequence[str] | None = None) -> int:
    """
    Run a node until it ends, SIGINT or SIGTERM; return the exit code of the process.

    The first signal only wakes the ROS thread up: the node then deactivates while its publishers
    still work, so that the last frames and counts get out. One more, three seconds later, ends
    the process; launch, a terminal and systemd may each send their own for one wish to stop.
    """
    keep_large_blocks()
    cv2.setNumThreads(1)   # frames run side by side; threads inside one would only get in the way
    try:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:   # rcl's, for what follows --ros-args
        sys.stderr.write(f'{error}\n')
        return BAD_ARGUMENTS
    node = node_type()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    asked = _on_signal(node.create_guard_condition(lambda: None).trigger)
    try:
        while rclpy.ok() and not asked.is_set() and node.exit_code is None:
            executor.spin_once()
    except ExternalShutdownException:
        pass
    code = node.end()
    executor.shutdown()
    node.destroy_node()
    rclpy.try_shutdown()
    # All is done. Python gives signals back to their default while it ends, which takes it a
    # third of a second: the second signal of one wish would look like a death.
    for sign in ENDING:
        signal.signal(sign, signal.SIG_IGN)
    return code


def _on_signal(wake_up: Callable[[], None]) -> threading.Event:
    """
    Return an event that SIGINT and SIGTERM set, and wake the ROS thread up for it.

    Python runs its handlers in the main thread, which waits inside the middleware. The C part of
    a handler runs at once and writes to a pipe, where a thread of ours waits.
    """
    asked = threading.Event()
    inlet, outlet = os.pipe()
    os.set_blocking(outlet, False)
    for sign in ENDING:
        signal.signal(sign, lambda *_: None)
    signal.set_wakeup_fd(outlet)

    def wait() -> None:
        os.read(inlet, 1)
        asked.set()
        with suppress(rclpy_implementation.InvalidHandle):   # the node may just have ended
            wake_up()
        impatient_s = monotonic() + SAME_WISH_S
        while (sign := os.read(inlet, 1)[0]) and monotonic() < impatient_s:
            pass
        os._exit(128 + sign)

    threading.Thread(target=wait, daemon=True, name='signals').start()
    return asked
