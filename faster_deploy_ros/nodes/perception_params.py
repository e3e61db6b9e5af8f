# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The parameters that every perception node has."""

from dataclasses import dataclass

from faster_deploy_ros.nodes.card_params import CardParams
from faster_deploy_ros.nodes.params import parameter
from faster_deploy_ros.nodes.qos import AUTO, PRESETS


@dataclass(frozen=True, slots=True)
class PerceptionParams(CardParams):
    """Values of the common parameters, checked; the defaults of the product live here."""

    model: str | tuple[str, ...] = parameter(
        'package://faster_deploy_ros/models/shapes_yolox.onnx',
        'The model: a file, package://<package>/<path>, or a URI '
        '<runtime>.<device>://<path>?<option>=<value>; a list of them: one model on several '
        'cores.')
    family: str = parameter(
        'auto', 'What the tensors mean: auto (from the model and its card) or a family name.')
    device: str = parameter(
        '', 'Runtime and device that replace those of the model: onnxruntime.0; empty: as in '
        'model, or by the file ending. Not with a list.')
    group_policy: str = parameter(
        'latency', 'Which core of a list serves a frame: latency, a slow one only where that is '
        'sooner than to wait for a faster one; throughput, any that is free.',
        choices=('latency', 'throughput'))
    precision: str = parameter(
        '', "Numbers that the runtime computes with; empty: the runtime's default.",
        choices=('', 'fp32', 'fp16', 'bf16', 'int8'))
    engine_cache_dir: str = parameter(
        '', 'Where TensorRT keeps the engines it builds; empty: its default.')
    workers: int = parameter(
        0, 'Frames carried at the same time, each by a thread of its own; 0: two for each core.',
        minimum=0, maximum=64)
    queue_depth: int = parameter(
        0, 'Frames that may wait for a worker, beside the newest one, which waits in the '
        'middleware until a worker is free. More is smoother and later.',
        minimum=0, maximum=1000)
    overflow: str = parameter(
        'drop_oldest', 'What happens to a frame too many.',
        choices=('drop_oldest', 'drop_newest', 'block'))
    max_age_ms: float = parameter(
        0.0, 'Frames older than this are dropped as stale; 0: never.', minimum=0.0, maximum=3.6e6)
    job_timeout_s: float = parameter(
        5.0, 'A frame that takes longer fails and its worker is replaced; 0: wait for ever.',
        minimum=0.0, maximum=3600.0)
    max_hung_jobs: int = parameter(
        3, 'After so many replaced workers the node goes to error.', minimum=0, maximum=64)
    image_transport: str = parameter(
        'raw', 'raw subscribes to image, compressed to image/compressed.',
        choices=('raw', 'compressed'))
    input_qos: str = parameter(
        'SENSOR_DATA', 'QoS preset of the subscription; AUTO matches the publisher.',
        choices=(*PRESETS, AUTO))
    input_qos_depth: int = parameter(
        0, 'History of the subscription; 0: 1 when dropping, 10 with overflow block.',
        minimum=0, maximum=1000)
    output_qos: str = parameter('DEFAULT', 'QoS preset of the results.', choices=PRESETS)
    output_qos_depth: int = parameter(
        10, 'History of the results.', minimum=1, maximum=1000)
    diagnostics_period_s: float = parameter(
        1.0, 'How often /diagnostics is published.', minimum=0.1, maximum=3600.0)
    autostart: bool = parameter(
        False, 'Configure and activate at the start, without a lifecycle manager.')
