# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Writes a trained network as the ONNX file that the package ships."""

from collections.abc import Mapping
from pathlib import Path

import onnx
import torch
from torch import nn

OPSET, IR_VERSION = 13, 8   # what runtimes of 2021 read too


def write(net: nn.Module, path: Path, *, made_by: str, size: tuple[int, int],
          names: tuple[str, str], about: Mapping[str, str]) -> None:
    """
    Export for one picture at a time.

    :param made_by: the folder in examples/.
    :param size: (width, height) of the input.
    :param names: of input and output.
    :param about: the file's metadata; the licence is added.
    """
    sample = torch.zeros(1, 3, size[1], size[0])
    torch.onnx.export(net.eval(), sample, str(path), opset_version=OPSET,
                      input_names=names[:1], output_names=names[1:], dynamo=False)
    model = onnx.load(str(path))
    model.ir_version = IR_VERSION
    model.producer_name, model.producer_version = f'faster_deploy_ros/examples/{made_by}', ''
    onnx.helper.set_model_props(model, {**about, 'license': 'Apache-2.0'})
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
    print(f'{path}: {path.stat().st_size / 1e6:.2f} MB')
