# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""ONNX to ncnn, by its official converter pnnx."""

from importlib.util import find_spec
import os
from pathlib import Path
import re
from typing import Any

from faster_deploy_ros.cores import ModelUri, open_core
from faster_deploy_ros.cores.ncnn.param import read_param, write_param
from faster_deploy_ros.errors import (
    ConvertFailed,
    FasterDeployError,
    LoadFailed,
    Unavailable,
    Unsupported,
)
from faster_deploy_ros.tools.convert.job import Converted, ConvertJob
from faster_deploy_ros.tools.convert.onnx_focus import replace_focus
from faster_deploy_ros.tools.convert.original import fed_inputs
from faster_deploy_ros.tools.convert.pnnx_result import (
    finish,
    read_batches,
    refuse_leftovers,
    Tensor,
)
from faster_deploy_ros.tools.convert.program import find_program, run_program, version_of
import onnx

HINT = 'Install it: pip install --no-deps pnnx (with dependencies it brings torch for nothing).'
FLOAT = onnx.TensorProto.FLOAT
# What pnnx prints when it gives up; it ends by a crash then.
REASONS = (r'ort (?:CreateSession|Run) failed (.*)', r'(read_proto_from_binary failed.*)',
           r'(inline.* failed.*|.*not implemented.*|.*unsupported.*)')


def convert(job: ConvertJob) -> Converted:
    """
    Write ``<output>.param`` and ``<output>.bin``; names, order and shapes stay those of the ONNX.

    :raises Unavailable: pnnx is not installed.
    :raises Unsupported: int8.
    :raises ConvertFailed: pnnx cannot convert the model, or ncnn cannot run what came of it.
    """
    if job.precision == 'int8':
        raise Unsupported(
            "convert: ncnn's int8 tools (ncnn2table, ncnn2int8) are on no package index; build "
            'ncnn from source and run them on the fp32 result, or choose --precision fp16')
    program = _program()
    model = onnx.load(job.model)
    inputs = [_tensor(each) for each in fed_inputs(model.graph)]
    outputs = [_tensor(each) for each in model.graph.output]
    _refuse_tensors(inputs, outputs)
    notes = []
    if count := replace_focus(model):
        notes.append(f'{count} Focus of strided slices became a convolution, which is exact')
    copy = job.scratch / 'model.onnx'
    onnx.save(model, copy)
    job.report('pnnx')
    _run(program, copy, inputs, job)
    text = (job.scratch / 'model.ncnn.param').read_bytes()
    try:
        layers = read_param(text, 'convert: pnnx')
    except LoadFailed as error:
        raise ConvertFailed(
            f"{str(error).partition(';')[0]}: pnnx has not understood the model. Simplify it "
            '(onnxsim), or export it with an older opset') from error
    refuse_leftovers(layers)
    batches = read_batches((job.scratch / 'model_ncnn.py').read_text())
    layers = finish(layers, inputs, outputs, batches)
    param, weights = job.output, job.output.with_suffix('.bin')
    param.write_text(write_param(layers))
    os.replace(job.scratch / 'model.ncnn.bin', weights)
    job.report('a trial run')
    notes += _try(param, outputs)
    if job.precision == 'fp16':
        notes.append(
            'the weights are stored in half precision and computed in float32; '
            '?precision=fp16 computes in half where the processor can')
    return Converted((param, weights), {'pnnx': version_of('pnnx')}, tuple(notes))


def _program() -> Path:
    """Find the program inside its package: the script on the PATH wants torch."""
    package = find_spec('pnnx')
    for folder in (package.submodule_search_locations or ()) if package else ():
        program = Path(folder) / ('pnnx.exe' if os.name == 'nt' else 'pnnx')
        if program.is_file():
            return program
    return find_program('pnnx', HINT)


def _run(program: Path, copy: Path, inputs: list[Tensor], job: ConvertJob) -> None:
    shapes = ','.join(f"[{','.join(map(str, each.shape))}]f32" for each in inputs)
    fp16 = '1' if job.precision == 'fp16' else '0'   # its own default is 1
    try:
        run_program(
            [program, copy.name, f'inputshape={shapes}', f'fp16={fp16}'], folder=job.scratch)
    except ConvertFailed as error:
        raise ConvertFailed(_explain(str(error))) from error
    for name in ('model.ncnn.param', 'model.ncnn.bin', 'model_ncnn.py'):
        if not (job.scratch / name).is_file():
            raise ConvertFailed(
                f'convert: pnnx ended well and wrote no {name}; try another version of pnnx')


def _explain(text: str) -> str:
    """Say in one line why pnnx gave up: it hides its reason among many words, or crashes."""
    text = re.sub(r'\x1b\[[0-9;]*m', '', text)
    for pattern in REASONS:
        if found := re.search(pattern, text, re.IGNORECASE):
            return (
                f'convert: pnnx refuses the model: {found[1].strip(" |")[:400]}. Simplify it '
                '(onnxsim), export it with an older opset, or leave its last layers out')
    last = next((line.strip(' |') for line in reversed(text.splitlines()) if line.strip(' |')), '')
    return (
        f'convert: pnnx crashed on the model; the last that it printed: {last[:200]}. Simplify '
        'the model (onnxsim), or export it with an older opset')


def _tensor(value: Any) -> Tensor:
    """Read a declared tensor; an open batch is 1, all that ncnn can have."""
    kind = value.type.tensor_type
    shape = [size.dim_value if size.dim_value > 0 else -1 for size in kind.shape.dim]
    if shape and shape[0] == -1:
        shape[0] = 1
    dtype = 'float32' if kind.elem_type == FLOAT else onnx.TensorProto.DataType.Name(
        kind.elem_type).lower()
    return Tensor(value.name, tuple(shape), dtype)


def _refuse_tensors(inputs: list[Tensor], outputs: list[Tensor]) -> None:
    """Refuse what ncnn's blobs cannot hold, before pnnx makes something else of it."""
    for each in inputs + outputs:
        side = 'input' if each in inputs else 'output'
        if each.dtype != 'float32':
            raise ConvertFailed(
                f"convert: the {side} '{each.name}' is {each.dtype}, and ncnn's are float32; "
                'export the model with float tensors at its ends, or choose another runtime')
        if re.search(r'[\s="]', each.name):
            raise ConvertFailed(
                f"convert: the {side} '{each.name}' has a blank, = or quote in its name, which "
                "ncnn's text cannot hold; rename it")
    for each in inputs:
        if -1 in each.shape or not each.shape:
            shown = 'x'.join('?' if size == -1 else str(size) for size in each.shape)
            raise ConvertFailed(
                f"convert: the input '{each.name}' has the shape {shown or 'of one number'}, "
                f'expected fixed sizes; give them: --shape {each.name}=1x3x640x640')
        if len(each.shape) == 4 and each.shape[0] != 1:
            raise ConvertFailed(
                f"convert: the input '{each.name}' is for {each.shape[0]} images at once, "
                'expected 1: ncnn has no batch; export the model for one')


def _try(param: Path, outputs: list[Tensor]) -> list[str]:
    """Load what was made, where ncnn is installed; tell which shapes are not the original's."""
    try:
        with open_core(ModelUri('ncnn', 0, str(param)), seats=1) as core:
            found = {spec.name: spec.shape for spec in core.specs.values() if not spec.is_input}
    except Unavailable:
        return ['ncnn is not installed here: the result was not tried']
    except FasterDeployError as error:
        raise ConvertFailed(
            f'convert: pnnx wrote a model that ncnn cannot run: {error}') from error
    notes = []
    for each in outputs:
        made = found[each.name]
        if -1 in each.shape or made == each.shape:
            continue
        if [n for n in made if n != 1] != [n for n in each.shape if n != 1]:
            raise ConvertFailed(
                f"convert: the output '{each.name}' came as {made} from ncnn, expected "
                f'{each.shape}; pnnx has changed the model: export it with simpler last layers')
        notes.append(f"the output '{each.name}' is {made}, in the original {each.shape}")
    return notes
