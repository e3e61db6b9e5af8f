# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Measures one configuration, in a process of its own: thread pools of runtimes disturb others."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
import threading
import time
from typing import Any

from faster_deploy_ros.cores import CORES, ModelUri, open_core
from faster_deploy_ros.errors import BlobMismatch
from faster_deploy_ros.stopwatch import Stopwatch
from faster_deploy_ros.tools.bench.orders import PICTURES
from faster_deploy_ros.tools.child import serve
from faster_deploy_ros.tools.inputs import Feed, load_frames, open_feed, Pictures
from faster_deploy_ros.tools.machine import resident_mb

WARM_S = 0.3         # at the start: caches, lazy allocations, the processor's clock
WARM_RUNS = 3
SAMPLES_SENT = 5000  # of each round and kind; sorted and thinned where there are more
STAGES = ('lease', 'preprocess', 'infer', 'postprocess')

Span = tuple[int, ...]                 # nanoseconds: the whole, then each stage if there are any


class Bench:
    """A loaded model and its seats, each with a thread; measured whenever it is asked."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        """Load the model; raises as ``open_core`` and ``open_feed``."""
        began_s = time.monotonic()
        uri, self.threads = _with_threads(order['uri'], order['threads'])
        self._seats: int = order['seats']
        self._core = open_core(uri, seats=self._seats)
        frames = load_frames(order['images'], PICTURES) if order['images'] else []
        shapes = {name: tuple(shape) for name, shape in order['shapes'].items()}
        self.feed = open_feed(self._core, frames, family=order['family'], shapes=shapes)
        self._loop = _whole_calls(self.feed) if order['stages'] else self._inferences
        self.names = STAGES if order['stages'] else ()
        self._run(WARM_S)
        self._load_s = time.monotonic() - began_s

    def describe(self) -> dict[str, Any]:
        """Say what was loaded."""
        device, uri = self._core.device, self._core.uri
        options = '&'.join(
            f'{name}={value}' for name, value in sorted(uri.options.items()) if name != 'threads')
        return {
            'runtime': f'{device.scheme}.{device.index}', 'device': device.name,
            'model': Path(uri.path).name + (f'?{options}' if options else ''),
            'threads': self.threads, 'input': self.feed.says, 'load_s': self._load_s,
            'versions': dict(device.capabilities.versions)}

    def measure(self, seconds: float) -> dict[str, Any]:
        """Run all seats for so long; spans in nanoseconds, sorted."""
        cpu_s = time.process_time()
        spans, rate = self._run(seconds)
        cpu_s = time.process_time() - cpu_s
        columns = zip(*spans)
        return {
            'count': len(spans), 'rate': rate, 'cpu_s': cpu_s, 'rss_mb': resident_mb(),
            'spans': [_thin(sorted(column)) for column in columns]}

    def _run(self, seconds: float) -> tuple[list[Span], float]:
        """Return the spans of all inferences and how many there were in a second."""
        together = threading.Barrier(self._seats)
        deadline_ns = time.monotonic_ns() + int(seconds * 1e9)
        found: list[tuple[list[Span], float]] = []
        failed: list[BaseException] = []

        def work(seat: int) -> None:
            try:
                together.wait()
                began_ns = time.monotonic_ns()
                spans = self._loop(seat, deadline_ns)
                found.append((spans, len(spans) / (time.monotonic_ns() - began_ns) * 1e9))
            except BaseException as error:
                together.abort()
                failed.append(error)

        threads = [threading.Thread(target=work, args=(seat,)) for seat in range(self._seats)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for error in failed:
            if not isinstance(error, threading.BrokenBarrierError):
                raise error
        return [span for spans, _ in found for span in spans], sum(rate for _, rate in found)

    def _inferences(self, seat: int, deadline_ns: int) -> list[Span]:
        """Infer on one seat, whose input is written once: the runtime alone is measured."""
        core = self._core
        spans: list[Span] = []
        with core.lease() as blobs:
            self.feed.fill(blobs, seat)
            while True:
                begin_ns = time.monotonic_ns()
                core.sync_infer(blobs)
                end_ns = time.monotonic_ns()
                spans.append((end_ns - begin_ns,))
                if end_ns >= deadline_ns and len(spans) >= WARM_RUNS:
                    return spans


def _whole_calls(feed: Feed) -> Callable[[int, int], list[Span]]:
    """Carry picture after picture through the model; raises where no family is known."""
    if not isinstance(feed, Pictures):
        why = getattr(feed, 'why', '') or 'give pictures by --images'
        raise BlobMismatch(
            'the whole call needs a family that says what the tensors mean, and none is known: '
            f'give --family, or a card beside the model ({why})')
    model, frames = feed.model, feed.frames

    def loop(seat: int, deadline_ns: int) -> list[Span]:
        spans: list[Span] = []
        while True:
            laps = Stopwatch()
            model(frames[(seat + len(spans)) % len(frames)], laps)
            end_ns = laps.laps[-1].end_ns
            spans.append((
                end_ns - laps.laps[0].begin_ns, *(lap.elapsed_ns for lap in laps.laps)))
            if end_ns >= deadline_ns and len(spans) >= WARM_RUNS:
                return spans

    return loop


def _with_threads(text: str, threads: int | None) -> tuple[ModelUri, int | None]:
    """Put the number of threads into a URI; None comes back where the runtime has no such word."""
    uri = ModelUri.parse(text)
    kind: Any = CORES.resolve(uri.scheme).options_type
    if 'threads' not in (each.name for each in fields(kind)):
        return uri, None
    if threads is not None:
        uri = replace(uri, options={**uri.options, 'threads': str(threads)})
    return uri, uri.options_as(kind).threads


def _thin(ordered: list[int]) -> list[int]:
    """Keep the first and so many more at even steps: the percentiles stay what they are."""
    return ordered[::max(1, len(ordered) // SAMPLES_SENT)]


def _answers() -> Callable[[Mapping[str, Any]], Any]:
    bench: list[Bench] = []

    def answer(question: Mapping[str, Any]) -> Any:
        if not bench:
            bench.append(Bench(question))
            return {**bench[0].describe(), 'stages': bench[0].names}
        return bench[0].measure(question['seconds'])

    return answer


if __name__ == '__main__':
    serve(_answers())
