# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Which runtimes a model can be converted for, and what their files are called."""

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from faster_deploy_ros.cores.uri import SUFFIXES
from faster_deploy_ros.registry import Entry, Registry
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob

Converter = Callable[[ConvertJob], Converted]
_HERE = 'faster_deploy_ros.tools.convert'

# A row is a function. A package of somebody else adds one as an entry point.
CONVERTERS: Registry[Any] = Registry('converter', 'faster_deploy_ros.converters', {
    'mnn': Entry(f'{_HERE}.to_mnn:convert'),
    'ncnn': Entry(f'{_HERE}.to_ncnn:convert'),
    'openvino': Entry(f'{_HERE}.to_openvino:convert'),
    'rknn': Entry(f'{_HERE}.to_rknn:convert'),
    'tensorrt': Entry(f'{_HERE}.to_tensorrt:convert'),
})
# Runtime -> the endings that its main file may have, the usual one first.
ENDINGS = MappingProxyType({
    scheme: tuple(ending for ending, owner in SUFFIXES.items() if owner == scheme)
    for scheme in SUFFIXES.values()})


def find_converter(name: str) -> Converter:
    """
    Return the function that converts for a runtime.

    :raises UnknownName: there is none.
    :raises Unavailable: what it needs is not installed.
    """
    found: Any = CONVERTERS.resolve(name)
    made: Converter = found
    return made
