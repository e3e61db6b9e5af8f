# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0

"""What every core must prove; a runtime's own tests inherit it and say which models to use."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any
from unittest import SkipTest

from faster_deploy_ros.blobs import BlobsBuffer, Location
from faster_deploy_ros.cores import BaseInferCore, CORES, ModelUri, open_core
from faster_deploy_ros.errors import (
    BlobMismatch,
    Closed,
    FasterDeployError,
    InferFailed,
    LoadFailed,
    TimedOut,
    Unavailable,
    UnknownName,
    Unsupported,
)
import numpy as np
from numpy.typing import NDArray

SHAPE = (1, 3, 4, 5)
TIMEOUT_S = 20.0  # for what must happen; nothing waits so long


class CoreContract:
    """
    The tests of all cores, collected by pytest in a subclass named ``Test...``.

    The subclass provides four fixtures: ``identity``, a URI of the model ``y = x``, float32
    ``(1, 3, 4, 5)``; ``dynamic_identity``, the same for ``(n, 3, h, w)``, or None where a runtime
    has none; ``identity_bytes``, the first model as bytes, or None; ``failing``, a URI of a model
    whose inference fails in the runtime when all its inputs are filled with 100, or None.
    """

    def test_the_specs_are_the_models_inputs_and_then_its_outputs(self, identity: str) -> None:
        with open_core(identity) as core:
            x, y = core.specs.values()
            assert (x.name, x.is_input, x.shape, x.dtype.name) == ('x', True, SHAPE, 'float32')
            assert (y.name, y.is_input, y.shape, y.dtype.name) == ('y', False, SHAPE, 'float32')

    def test_the_device_is_the_one_in_the_uri_and_says_its_versions(self, identity: str) -> None:
        uri = ModelUri.parse(identity)
        with open_core(identity) as core:
            assert (core.device.scheme, core.device.index) == (uri.scheme, uri.device)
            # A remote runtime knows its server, and so the device's name, only once it is loaded.
            listed = CORES.resolve(uri.scheme).devices()
            assert (uri.scheme, uri.device) in {(each.scheme, each.index) for each in listed}
            assert all(core.device.capabilities.versions.values())
            assert core.device.capabilities.versions, 'no version of the runtime is told'

    def test_an_inference_gives_the_models_answer(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            for seed in range(3):
                assert np.array_equal(_run(core, blobs, _noise(seed)), _noise(seed))

    def test_an_asynchronous_inference_gives_the_same(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            blobs['x'].data[...] = _noise(1)
            future = core.async_infer(blobs)
            assert future.result(TIMEOUT_S) is blobs
            assert np.array_equal(blobs['y'].data, _noise(1))

    def test_leaving_a_lease_waits_for_the_asynchronous_inference(self, identity: str) -> None:
        with open_core(identity) as core:
            with core.lease() as blobs:
                future = core.async_infer(blobs)
            assert not blobs.in_use.locked()
            assert future.result(TIMEOUT_S) is blobs

    def test_an_unknown_name_is_refused_with_the_known_ones(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            with refused(BlobMismatch, 'nonsense', "'x'", "'y'"):
                blobs['nonsense']

    def test_a_wrong_shape_is_refused_with_the_right_one(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            for wrong in ((1, 3, 4, 6), (3, 4, 5), (2, 3, 4, 5)):
                with refused(BlobMismatch, "'x'", str(wrong), str(SHAPE)):
                    blobs['x'].reshape(wrong)
                with refused(BlobMismatch, "'x'", str(wrong), str(SHAPE)):
                    blobs['x'].bind(np.zeros(wrong, np.float32))
            assert np.array_equal(_run(core, blobs, _noise(2)), _noise(2))

    def test_a_wrong_dtype_is_refused_with_the_right_one(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            with refused(BlobMismatch, "'x'", 'float64', 'float32'):
                blobs['x'].bind(np.zeros(SHAPE, np.float64))

    def test_memory_with_gaps_is_refused(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            gaps = np.zeros((*SHAPE[:-1], 2 * SHAPE[-1]), np.float32)[..., ::2]
            with refused(BlobMismatch, "'x'", 'contiguous'):
                blobs['x'].bind(gaps)

    def test_bound_input_memory_is_what_the_runtime_reads(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            _needs_external(core.device.capabilities.external_blobs)
            blobs['x'].data[...] = -1
            external = _noise(3).copy()
            blobs['x'].bind(external)
            core.sync_infer(blobs)
            assert np.array_equal(blobs['y'].data, _noise(3))
            external[...] = _noise(4)  # not bound anew: the runtime must look at it again
            core.sync_infer(blobs)
            assert np.array_equal(blobs['y'].data, _noise(4))

    def test_bound_output_memory_is_what_the_runtime_writes(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            _needs_external(core.device.capabilities.external_blobs)
            external = np.zeros(SHAPE, np.float32)
            blobs['y'].bind(external)
            blobs['x'].data[...] = _noise(5)
            core.sync_infer(blobs)
            assert np.array_equal(external, _noise(5))

    def test_a_seat_comes_back_without_the_last_holders_memory(self, identity: str) -> None:
        with open_core(identity, seats=1) as core:
            _needs_external(core.device.capabilities.external_blobs)
            with core.lease() as blobs:
                external = np.full(SHAPE, 7, np.float32)
                blobs['x'].bind(external)
                blobs['y'].bind(np.zeros(SHAPE, np.float32))
                core.sync_infer(blobs)
            with core.lease() as blobs:
                assert not any(blob.is_bound for blob in blobs.values())
                assert np.array_equal(_run(core, blobs, _noise(6)), _noise(6))
            assert (external == 7).all()

    def test_open_dimensions_run_at_any_size_or_are_unsupported(
            self, dynamic_identity: str | None) -> None:
        if dynamic_identity is None:
            raise SkipTest('this runtime has no models with open dimensions')
        if not _capabilities(dynamic_identity).dynamic_shape:
            with refused(Unsupported):
                open_core(dynamic_identity)
            return
        with open_core(dynamic_identity, seats=1) as core:
            for shape in ((1, 3, 8, 8), (2, 3, 4, 6), (2, 3, 4, 6), (1, 3, 16, 8), (1, 3, 8, 8)):
                with core.lease() as blobs:
                    with refused(BlobMismatch, "'x'", '-1'):
                        core.sync_infer(blobs)
                    blobs['x'].reshape(shape)
                    assert np.array_equal(_run(core, blobs, _noise(7, shape)), _noise(7, shape))
                    assert blobs['y'].shape == shape
                    with refused(BlobMismatch, "'x'", 'shape'):
                        blobs['x'].reshape((1, 4, 8, 8))

    def test_a_model_loads_from_bytes_or_says_that_it_cannot(
            self, identity: str, identity_bytes: bytes | None) -> None:
        if identity_bytes is None:
            raise SkipTest('this runtime has no model as bytes')
        if not _capabilities(identity).from_bytes:
            with refused(Unsupported, 'bytes'):
                open_core(identity, source=identity_bytes)
            return
        with open_core(identity, source=identity_bytes) as core, core.lease() as blobs:
            assert np.array_equal(_run(core, blobs, _noise(8)), _noise(8))

    def test_seats_in_threads_keep_their_answers_apart(self, identity: str) -> None:
        seats = 4
        with open_core(identity, seats=seats) as core:
            together = Barrier(seats, timeout=TIMEOUT_S)

            def work(number: int) -> bool:
                with core.lease(TIMEOUT_S) as blobs:
                    together.wait()
                    return all(
                        np.array_equal(
                            _run(core, blobs, _noise(100 * number + k)), _noise(100 * number + k))
                        for k in range(25))

            with ThreadPoolExecutor(seats) as threads:
                assert all(threads.map(work, range(seats)))

    def test_one_lease_too_many_waits_and_says_who_holds_the_seats(self, identity: str) -> None:
        with open_core(identity, seats=2) as core, core.lease(), core.lease():
            with refused(TimedOut, '2 of 2', 'MainThread'):
                with core.lease(timeout_s=0.01):
                    pass

    def test_a_failed_inference_is_told_and_gives_its_seat_back(self, failing: str | None) -> None:
        if failing is None:
            raise SkipTest('no model of this runtime fails on demand')
        with open_core(failing, seats=1) as core:
            for _ in range(3):
                with refused(InferFailed):
                    with core.lease(TIMEOUT_S) as blobs:
                        for blob in blobs.inputs:
                            blob.data[...] = 100
                        core.sync_infer(blobs)
                with core.lease(TIMEOUT_S) as blobs:
                    for blob in blobs.inputs:
                        blob.data[...] = 100
                    with refused(InferFailed):
                        core.async_infer(blobs).result(TIMEOUT_S)

    def test_one_seat_is_for_one_inference_at_a_time(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs, blobs.in_use:
            with refused(BlobMismatch, 'another inference'):
                core.sync_infer(blobs)
            with refused(BlobMismatch, 'another inference'):
                core.async_infer(blobs)

    def test_a_seat_of_another_core_is_refused(self, identity: str) -> None:
        with open_core(identity) as core, open_core(identity) as other, other.lease() as blobs:
            with refused(BlobMismatch, 'belongs to'):
                core.sync_infer(blobs)

    def test_a_seat_is_closed_when_its_lease_ends(self, identity: str) -> None:
        with open_core(identity) as core:
            with core.lease() as blobs:
                core.sync_infer(blobs)
            with refused(Closed, 'lease'):
                core.sync_infer(blobs)
            with refused(Closed, 'lease'):
                core.async_infer(blobs)

    def test_unloading_twice_is_once_and_everything_is_closed_afterwards(
            self, identity: str) -> None:
        core = open_core(identity)
        with core.lease() as blobs:
            core.sync_infer(blobs)
        core.unload()
        core.unload()
        with refused(Closed), core.lease():
            pass
        with refused(Closed):
            core.sync_infer(blobs)
        assert isinstance(core, BaseInferCore)
        with refused(Closed):
            core.load()

    def test_unloading_under_a_lease_is_refused_and_the_model_stays(self, identity: str) -> None:
        core = open_core(identity)
        with core.lease() as blobs:
            with refused(TimedOut, 'MainThread', 'unload'):
                core.unload(timeout_s=0.01)
            assert np.array_equal(_run(core, blobs, _noise(9)), _noise(9))
        core.unload()

    def test_device_memory_is_there_or_unsupported(self, identity: str) -> None:
        with open_core(identity) as core, core.lease() as blobs:
            if not core.device.capabilities.device_blobs:
                with refused(Unsupported, "'x'"):
                    blobs['x'].place(Location.DEVICE)
                return
            blobs['x'].data[...] = _noise(10)
            blobs['x'].place(Location.DEVICE)
            blobs['y'].place(Location.DEVICE)
            core.sync_infer(blobs)
            blobs['y'].place(Location.HOST)
            assert np.array_equal(blobs['y'].data, _noise(10))

    def test_an_unknown_option_is_refused_by_its_name(self, identity: str) -> None:
        uri = ModelUri.parse(identity)
        options = {**uri.options, 'no_such_option': '1'}
        with refused(UnknownName, 'no_such_option'):
            open_core(ModelUri(uri.scheme, uri.device, uri.path, options))

    def test_a_device_that_is_not_there_is_unavailable(self, identity: str) -> None:
        uri = ModelUri.parse(identity)
        with refused(Unavailable, '99'):
            open_core(ModelUri(uri.scheme, 99, uri.path, uri.options))

    def test_a_missing_model_is_refused_by_its_name(self, identity: str) -> None:
        uri = ModelUri.parse(identity)
        with refused((LoadFailed, UnknownName), 'no_such_model'):
            open_core(ModelUri(uri.scheme, uri.device, '/no_such_model', uri.options))


@contextmanager
def refused(
        error: type[FasterDeployError] | tuple[type[FasterDeployError], ...],
        *words: str) -> Iterator[None]:
    """Expect the block to raise ``error`` with all the words in its one line."""
    try:
        yield
    except error as found:
        text = str(found)
        missing = [word for word in words if word not in text]
        assert not missing, f'the message lacks {missing}: {text}'
        assert '\n' not in text, f'the message has several lines: {text}'
        return
    raise AssertionError(f'nothing was raised, expected {error}')


def _run(core: Any, blobs: BlobsBuffer, x: NDArray[Any]) -> NDArray[Any]:
    """Return a copy of the identity's answer."""
    blobs['x'].data[...] = x
    core.sync_infer(blobs)
    y: NDArray[Any] = blobs['y'].data.copy()
    return y


def _noise(seed: int, shape: tuple[int, ...] = SHAPE) -> NDArray[Any]:
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def _capabilities(uri: str) -> Any:
    parsed = ModelUri.parse(uri)
    return CORES.resolve(parsed.scheme).devices()[0].capabilities


def _needs_external(external_blobs: bool) -> None:
    if not external_blobs:
        raise SkipTest('this runtime copies; it binds no memory of the caller')
