# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Ask each runtime for its devices, in a process of its own: some crash when there are none."""

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import fields
import time
from typing import Any

from faster_deploy_ros.cores import CORES
from faster_deploy_ros.cores.device import Capabilities, Device, UnavailableRuntime
from faster_deploy_ros.errors import FasterDeployError, TimedOut
from faster_deploy_ros.tools.child import Child, serve

LIMIT_S = 20.0


def probe(
        schemes: Iterable[str], limit_s: float = LIMIT_S
        ) -> list[Device | UnavailableRuntime]:
    """
    List the devices of all these runtimes, or why one has none; never raises for a runtime.

    All are asked at once: the slowest decides how long it takes, and the limit is for all.
    """
    found: list[Device | UnavailableRuntime] = []
    deadline_s = time.monotonic() + limit_s
    with ExitStack() as stack:
        children = {
            scheme: stack.enter_context(Child(__name__, scheme)) for scheme in schemes}
        for scheme, child in children.items():
            child.send({'scheme': scheme})
        for scheme, child in children.items():
            try:
                answer = child.receive(max(0.0, deadline_s - time.monotonic()))
            except TimedOut:
                found.append(UnavailableRuntime(
                    scheme, f'it was asked and gave no answer within {limit_s:g} s'))
            except FasterDeployError as error:
                found.append(UnavailableRuntime(scheme, _reason(scheme, str(error))))
            else:
                found += map(_device, answer)
                if not answer:
                    found.append(UnavailableRuntime(scheme, 'it found no device'))
            child.end()
    return found


def remedy(scheme: str) -> str:
    """Return what to do about a missing runtime; empty where nobody has said."""
    return CORES.entries[scheme].hint


def plain(device: Device) -> dict[str, Any]:
    """Return a device as plain data, for JSON."""
    can = device.capabilities
    return {
        **{each.name: getattr(device, each.name) for each in fields(device)},
        'capabilities': {
            **{each.name: getattr(can, each.name) for each in fields(can)},
            'versions': dict(can.versions)}}


def _reason(scheme: str, text: str) -> str:
    """Leave out what the table says anyway: the name of the runtime, and the remedy."""
    text = text.removesuffix(remedy(scheme)).strip()
    for start in (f"runtime '{scheme}': ", f'{scheme}: '):
        text = text.removeprefix(start)
    return text.replace('crashed (', 'crashed while being asked (', 1)


def _device(page: Mapping[str, Any]) -> Device:
    return Device(**{**page, 'capabilities': Capabilities(**page['capabilities'])})


def _answer(question: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [plain(each) for each in CORES.resolve(question['scheme']).devices()]


if __name__ == '__main__':
    serve(_answer)
