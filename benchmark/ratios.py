# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the pipeline benchmark compares: pairs of cases, round by round."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmark.figures import Figures

CaseKey = tuple[str, str]


def ratios_of(cases: Mapping[CaseKey, Sequence[Figures]]) -> dict[str, float]:
    """
    Compare the cases; each value is the median over the rounds of that round's own ratio.

    Two cases of one round are neighbours in time, so that a slow moment of the machine meets both.

    :param cases: by name and rate, one figure per round, all the same number of rounds.
    """
    def fps(name: str) -> list[float]:
        return [f.fps for f in cases[name, 'saturation']]

    def cpu(name: str, rate: str) -> list[float]:
        return [f.cpu_ms for f in cases[name, rate]]

    def age(name: str, rate: str) -> list[float]:
        return [f.age_p50_ms for f in cases[name, rate]]

    def over(ours: list[float], theirs: list[float]) -> float:
        return _paired(ours, theirs, lambda a, b: a / b)

    def minus(ours: list[float], theirs: list[float]) -> float:
        return _paired(ours, theirs, lambda a, b: a - b)

    same = 'callback 1 thread'
    return {
        'executor_over_raw': over(fps('executor'), fps('raw limit')),
        'node_over_raw': over(fps('node'), fps('raw limit')),
        'node_over_callback': over(fps('node'), fps('callback')),
        'node_over_same_threads': over(fps('node'), fps(same)),
        'cpu_node_over_callback': over(cpu('node', 'saturation'), cpu('callback', 'saturation')),
        'cpu15_node_over_callback': over(cpu('node', '15 Hz'), cpu('callback', '15 Hz')),
        'cpu30_node_over_callback': over(cpu('node', '30 Hz'), cpu('callback', '30 Hz')),
        'cpu15_node_over_same_threads': over(cpu('node', '15 Hz'), cpu(same, '15 Hz')),
        'age15_ms_over_same_threads': minus(age('node', '15 Hz'), age(same, '15 Hz')),
        'age30_ms_over_same_threads': minus(age('node', '30 Hz'), age(same, '30 Hz')),
    }


def _paired(ours: list[float], theirs: list[float],
            compare: Callable[[float, float], float]) -> float:
    return round(median(compare(a, b) for a, b in zip(ours, theirs)), 4)
