# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""From the parameters to the core, or the group of cores, that they ask for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from faster_deploy_ros.cores import CoreGroup, InferCore, ModelUri, open_core, open_group
from faster_deploy_ros.cores.group.health import HealthRules
from faster_deploy_ros.cores.group.member import MemberState
from faster_deploy_ros.errors import BadParameter, BadValue, BlobMismatch, InferFailed, UnknownName
from faster_deploy_ros.nodes.perception_params import PerceptionParams
from faster_deploy_ros.share import SCHEME as PACKAGE_URL

WORKERS_PER_CORE = 2   # one frame is prepared while the core works on another
HANG_S = 1.0

P = TypeVar('P', bound=PerceptionParams)


def models_of(params: PerceptionParams) -> tuple[str, ...]:
    """
    Return the models that the parameter names, one or several.

    :raises BadParameter: none.
    """
    models = (params.model,) if isinstance(params.model, str) else params.model
    if not models:
        raise BadParameter("parameter 'model': got an empty list, expected at least one model")
    return models


def with_workers(params: P) -> P:
    """Return the parameters with ``workers`` 0 replaced by what it stands for."""
    return replace(params, workers=params.workers or WORKERS_PER_CORE * len(models_of(params)))


def model_uris(params: PerceptionParams) -> list[ModelUri]:
    """
    Return which models on which runtimes, with the options that parameters stand for.

    :raises BadParameter: ``device`` is given for several models.
    :raises FasterDeployError: a model's text is no URI.
    """
    models = models_of(params)
    if params.device and len(models) > 1:
        raise BadParameter(
            f"parameter 'device': got '{params.device}' with a list of {len(models)} models, "
            "expected '': write runtime and device into each model, as 'rknn.1:///m.rknn'")
    if params.device:
        _, separator, path = models[0].partition('://')
        if not separator or models[0].startswith(PACKAGE_URL):
            file, question, options = models[0].partition('?')
            path = f"{file.replace('%', '%25')}{question}{options}"   # as a URI writes it
        models = (f'{params.device}://{path}',)
    return [_with_options(ModelUri.parse(model), params) for model in models]


def open_chosen(params: PerceptionParams) -> tuple[InferCore, CoreGroup | None]:
    """
    Open the core, which is also the second value where it is a group.

    One core gets a seat for each worker and each worker that may hang; of a group each gets its
    share of the workers: a core that hangs is left out with the seat that hangs.

    :param params: with the number of workers decided.
    :raises FasterDeployError: a model, runtime or device is missing or not as asked.
    """
    uris = model_uris(params)
    try:
        if len(uris) == 1:
            return open_core(uris[0], seats=params.workers + params.max_hung_jobs), None
        group = open_group(
            uris, seats=-(-params.workers // len(uris)), policy=params.group_policy,
            rules=HealthRules(hang_s=min(HANG_S, params.job_timeout_s or HANG_S)))
        return group, group
    except (UnknownName, BadValue) as error:
        if params.precision and 'precision' in str(error):
            raise BadParameter(
                f"parameter 'precision': {error}. Leave it empty, or write "
                f'?precision={params.precision} into the models whose runtime has it') from error
        raise


@contextmanager
def first_inference(core: InferCore) -> Iterator[None]:
    """
    Say what is wrong with a model whose first inferences, in this block, fail for its batch.

    :raises InferFailed: with the remedy where the model declares an open batch.
    """
    try:
        yield
    except (InferFailed, BlobMismatch) as error:
        batched = [str(spec) for spec in core.specs.values()
                   if spec.is_input and len(spec.shape) > 1 and spec.shape[0] == -1]
        if not batched or (isinstance(error, BlobMismatch) and ' came as ' not in str(error)):
            raise
        raise InferFailed(
            f"{core.uri.shown}: the model declares an open batch ({', '.join(batched)}) and "
            f'cannot run one image: {error}. Export it for batch 1') from error


def depth_advice(group: CoreGroup, params: PerceptionParams) -> str:
    """Say what the parameters waste of a group's cores; empty: nothing."""
    count = len(group.members)
    if params.workers < count:
        return (f'workers is {params.workers}, which is as many of the {count} cores as work at '
                'once. Set workers to 0 for two for each core')
    depth = needed_depth(group.members)
    if params.group_policy != 'throughput' or params.queue_depth >= depth:
        return ''
    return (f'group_policy throughput: while the slowest core has one frame, the others finish '
            f'about {depth}, which wait for it; queue_depth is {params.queue_depth}, so they '
            f'idle. Set queue_depth to {depth}, or group_policy to latency')


def needed_depth(members: tuple[MemberState, ...]) -> int:
    """
    Return how many results of the others wait, in order, for a frame on the slowest core.

    That frame has waited for those on the core's other seats before: each seat adds its time.
    """
    timed = sorted((member.service_ms, member.seats) for member in members if member.service_ms)
    if not timed:
        return 0
    slow_ms, seats = timed[-1]
    return round(sum(seats * slow_ms / each_ms for each_ms, _ in timed[:-1]))


def _with_options(uri: ModelUri, params: PerceptionParams) -> ModelUri:
    """Add the options of the parameters, where the URI does not say them itself."""
    wanted: dict[str, str] = {}
    if params.precision:
        wanted['precision'] = params.precision
    if params.engine_cache_dir and uri.scheme == 'tensorrt':
        wanted['engine_cache_dir'] = params.engine_cache_dir
    options: Mapping[str, str] = {**wanted, **uri.options}
    return replace(uri, options=options)
