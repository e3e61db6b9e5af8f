# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The model that is evaluated: of the right task, or refused in words."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from faster_deploy_ros.cores import InferCore, open_core
from faster_deploy_ros.errors import BadValue, FasterDeployError
from faster_deploy_ros.tasks import DepthOptions, DetectionOptions, Model, MODELS
from faster_deploy_ros.tools.evaluate.orders import Orders


@contextmanager
def opened(orders: Orders, options: DetectionOptions | DepthOptions) -> Iterator[Model[Any]]:
    """
    Open the model for as long as the block lasts.

    :param options: whose kind is the task.
    :raises FasterDeployError: it cannot be opened, or is of the other task.
    """
    core = open_core(orders.model, seats=orders.seats)
    try:
        _expect_task(orders, core, wants_depth=isinstance(options, DepthOptions))
        yield orders.card.open(core, options)
    except BaseException:
        with suppress(FasterDeployError):   # of a runtime that hangs; the first reason counts
            core.unload()
        raise
    core.unload()


def title(model: Model[Any]) -> tuple[str, str]:
    """Name the model, its runtime and what it sees, for the head of the tables."""
    uri = model.core.uri
    return 'model', f'{Path(uri.path).name} on {uri.scheme}.{uri.device}\n{model.summary}'


def about(model: Model[Any]) -> dict[str, Any]:
    """Return the same as plain data."""
    return {'model': str(model.core.uri), 'summary': model.summary, 'card': model.page}


def _expect_task(orders: Orders, core: InferCore, *, wants_depth: bool) -> None:
    family = orders.card.family_of(core)
    takes = getattr(MODELS.resolve(family), 'options_type', None)
    if wants_depth and takes is DetectionOptions:
        raise BadValue(f"'{family}' finds boxes, expected a family of depth; leave --depth out")
    if not wants_depth and takes is DepthOptions:
        raise BadValue(f"'{family}' says depth, expected a detector; add --depth")
