# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Drive Rockchip's toolkit: run by its path with the toolkit's own Python, never imported."""

from importlib.metadata import version
import json
from pathlib import Path
import re
import sys
from typing import Any

import numpy as np
import onnx
from rknn.api import RKNN

LEARNED = ('Conv', 'ConvTranspose', 'Gemm', 'MatMul')
SAID = '@faster-deploy '   # before the lines that are for the caller


def main(order_file: str) -> int:
    """
    Convert as the JSON page says, and write ``result.json`` and the simulator's answers beside it.

    :returns: the exit code; the reason for 1 is printed as the last line.
    """
    order = json.loads(Path(order_file).read_text())
    folder = Path(order_file).parent
    toolkits = [RKNN(verbose=False)]
    try:
        said = _convert(toolkits, order, folder)
        _simulate(toolkits[-1], order, folder)
    except Exception as error:   # the toolkit raises its whole log as one text
        lines = [line for line in str(error).splitlines() if line.strip()]
        print(f'{SAID}error {lines[-1] if lines else type(error).__name__}', flush=True)
        return 1
    finally:
        for toolkit in toolkits:
            toolkit.release()
    (folder / 'result.json').write_text(json.dumps(said))
    return 0


def _convert(toolkits: list[Any], order: dict[str, Any], folder: Path) -> dict[str, Any]:
    (toolkit,) = toolkits
    _step('configuring')
    _demand('config', toolkit.config(
        mean_values=order['mean'], std_values=order['std'], target_platform=order['target'],
        quantized_algorithm=order['algorithm'], optimization_level=order['level']))
    _step('reading the model')
    _demand('load_onnx', toolkit.load_onnx(model=order['model']))
    in_float = []
    if order['dataset'] and order['float_tail']:
        in_float = _quantise_all_but_the_tail(toolkits, order, folder)
    elif order['dataset']:
        _step('quantising')
        _demand('build', toolkit.build(do_quantization=True, dataset=order['dataset']))
    else:
        _step('building')
        _demand('build', toolkit.build(do_quantization=False))
    _step('writing')
    _demand('export_rknn', toolkits[-1].export_rknn(order['output']))
    return {'toolkit': version('rknn-toolkit2'), 'in_float': in_float}


def _quantise_all_but_the_tail(
        toolkits: list[Any], order: dict[str, Any], folder: Path) -> list[str]:
    """
    Quantise in the toolkit's two steps; the second one is another object of it.

    :returns: the tensors that stay in half precision.
    """
    _step('quantising')
    _demand('hybrid_quantization_step1', toolkits[0].hybrid_quantization_step1(
        dataset=order['dataset'], proposal=False))
    stem = folder / Path(order['model']).stem
    graph = onnx.load(f'{stem}.model').graph
    table = Path(f'{stem}.quantization.cfg')
    head, _, rest = table.read_text().partition('\n')
    if head.strip() != 'custom_quantize_layers: {}':
        raise RuntimeError(f'this toolkit begins its table with {head!r}; use tail=int8')
    known = set(re.findall(r'^    (\S.*):$', rest, re.MULTILINE))
    weights = {each.name for each in onnx.load(order['model']).graph.initializer}
    names = [name for name in tail(graph, weights) if name in known]
    if names:
        rows = ''.join(f'    {name}: float16\n' for name in names)
        table.write_text(f'custom_quantize_layers:\n{rows}{rest}')
    _step('building')
    toolkits.append(RKNN(verbose=False))
    _demand('hybrid_quantization_step2', toolkits[-1].hybrid_quantization_step2(
        model_input=f'{stem}.model', data_input=f'{stem}.data',
        model_quantization_cfg=str(table)))
    return names


def tail(graph: Any, weights: set[str]) -> list[str]:
    """
    Return the tensors between the last learned layers and the outputs.

    There boxes in pixels and scores from 0 to 1 meet in one tensor, and one scale of 8 bits for
    both leaves nothing of the scores.

    :param graph: as the toolkit has rewritten it; it makes convolutions of its own too.
    :param weights: names of the original model's weights: what uses one has learned.
    """
    makers = {name: node for node in graph.node for name in node.output}
    found: dict[str, None] = {}
    waiting = [each.name for each in graph.output]
    while waiting:
        name = waiting.pop()
        node = makers.get(name)
        if node is None or name in found:
            continue
        if node.op_type in LEARNED and weights & set(node.input[1:]):
            continue
        found.update(dict.fromkeys(node.output))
        waiting += node.input
    return list(found)


def _simulate(toolkit: Any, order: dict[str, Any], folder: Path) -> None:
    """Answer each check on this machine; only what was just built can be simulated."""
    if not order['checks']:
        return
    _demand('init_runtime', toolkit.init_runtime())
    for number, name in enumerate(order['checks']):
        _step('simulating', number, len(order['checks']))
        found = toolkit.inference(inputs=[np.load(folder / name)], data_format=['nhwc'])
        if found is None:
            raise RuntimeError('the simulator gives no result')
        np.savez(folder / f'{Path(name).stem}_answer.npz', *found)


def _demand(what: str, code: int) -> None:
    if code != 0:
        raise RuntimeError(f'{what} has failed with {code}; the lines above say why')


def _step(*what: object) -> None:
    print(SAID + 'step ' + json.dumps(what), flush=True)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
