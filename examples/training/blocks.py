# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What the shipped networks are built of, and how batch norm is folded away for export."""

import torch
from torch import nn


class Conv(nn.Sequential):
    """Convolution, batch norm, ReLU: the three that every runtime fuses into one."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
            nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """A bottleneck around an identity."""

    def __init__(self, channels: int, kernel: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(Conv(channels, channels // 2, kernel),
                                  Conv(channels // 2, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add what the bottleneck found."""
        return x + self.body(x)


def folded(net: nn.Module, first: Conv) -> nn.Module:
    """
    Make a network that sees pixels 0 to 255 instead of 0 to 1 and has no batch norm; in place.

    :param first: the convolution that sees the pixels.
    """
    net.eval()
    for module in net.modules():
        if isinstance(module, Conv):
            fused = torch.nn.utils.fusion.fuse_conv_bn_eval(module[0], module[1])
            module[0], module[1] = fused, nn.Identity()
    with torch.no_grad():
        first[0].weight /= 255
    return net
