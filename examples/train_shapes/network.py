# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small anchor-free detector with the output layout of YOLOX."""

from examples.training.blocks import Conv, folded, Residual
import torch
from torch import nn

STRIDES = (8, 16, 32)


class ShapesNet(nn.Module):
    """
    Backbone, top-down neck and one head shared by the three strides.

    Dense 3x3 convolutions and ReLU throughout: on a CPU they are faster than depthwise
    ones with more layers, and they survive 8-bit quantisation.
    """

    def __init__(self, classes: int, width: int = 48) -> None:
        super().__init__()
        self.stem = nn.Sequential(Conv(3, 16, 3, 2), Conv(16, 24, 3, 2))
        self.stage8 = nn.Sequential(Conv(24, 48, 3, 2), Residual(48, 3))
        self.stage16 = nn.Sequential(Conv(48, 96, 3, 2), Residual(96))
        self.stage32 = nn.Sequential(Conv(96, 96, 3, 2), Residual(96))
        self.lateral = nn.ModuleList(Conv(c, width, 1) for c in (48, 96, 96))
        self.fuse = nn.ModuleList((Conv(width, width), Conv(width, width)))
        self.class_branch = Conv(width, width)
        self.box_branch = Conv(width, width)
        self.class_out = nn.Conv2d(width, classes, 1)
        self.box_out = nn.Conv2d(width, 5, 1)
        # Nearly all cells are background: start from there (focal loss paper, section 3.3).
        nn.init.constant_(self.class_out.bias, -2.0)
        nn.init.constant_(self.box_out.bias, 0.0)
        nn.init.constant_(self.box_out.bias[4:], -4.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Look at images (b, 3, h, w), BGR, 0 to 1.

        :returns: (b, n, 5 + classes) logits; boxes raw: centre offsets in cells, log sizes.
        """
        x8 = self.stage8(self.stem(x))
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        y8, y16, y32 = (lateral(x) for lateral, x in zip(self.lateral, (x8, x16, x32)))
        y16 = self.fuse[1](y16 + nn.functional.interpolate(y32, scale_factor=2.0))
        y8 = self.fuse[0](y8 + nn.functional.interpolate(y16, scale_factor=2.0))
        levels = []
        for y in (y8, y16, y32):
            boxes = self.box_out(self.box_branch(y))
            classes = self.class_out(self.class_branch(y))
            levels.append(torch.cat([boxes, classes], 1).flatten(2))
        return torch.cat(levels, 2).transpose(1, 2)


def cells(height: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """List the corner of each cell in cells (n, 2) and its stride (n, 1)."""
    corners, strides = [], []
    for stride in STRIDES:
        rows, columns = torch.meshgrid(torch.arange(height // stride),
                                       torch.arange(width // stride), indexing='ij')
        corners.append(torch.stack([columns, rows], -1).reshape(-1, 2).float())
        strides.append(torch.full((len(corners[-1]), 1), float(stride)))
    return torch.cat(corners), torch.cat(strides)


def decode(raw: torch.Tensor, corners: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """Turn raw boxes (..., n, 4) into xyxy pixels of the input."""
    centre = (raw[..., :2] + corners) * strides
    half = raw[..., 2:4].clamp(max=6).exp() * strides / 2
    return torch.cat([centre - half, centre + half], -1)


class Deployed(nn.Module):
    """What is exported: pixels 0 to 255 in, probabilities out, batch norm folded away."""

    def __init__(self, net: ShapesNet) -> None:
        super().__init__()
        self.net = folded(net, net.stem[0])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (1, n, 5 + classes): raw box, objectness, class probabilities."""
        logits = self.net(images)
        return torch.cat([logits[..., :4], logits[..., 4:].sigmoid()], -1)
