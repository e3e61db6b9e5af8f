# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small network from an image to metric depth."""

from examples.training.blocks import Conv, Residual
import torch
from torch import nn

NEAREST_M, FARTHEST_M = 0.5, 20.0


class DepthNet(nn.Module):
    """
    Backbone, a look at the whole picture, and a way back up to half its size.

    A plane's inverse depth is linear in the image, so that the network says inverse depth.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage2 = Conv(3, 16, 3, 2)
        self.stage4 = Conv(16, 24, 3, 2)
        self.stage8 = nn.Sequential(Conv(24, 48, 3, 2), Residual(48, 3))
        self.stage16 = nn.Sequential(Conv(48, 80, 3, 2), Residual(80))
        self.stage32 = nn.Sequential(Conv(80, 96, 3, 2), Residual(96))
        # How large the room is, is seen in all of it and holds for all of it.
        self.whole = nn.Sequential(nn.Conv2d(96, 96, 1), nn.ReLU(inplace=True),
                                   nn.Conv2d(96, 64, 1))
        self.lateral = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1)
            for inputs, outputs in ((96, 64), (80, 64), (48, 48), (24, 24), (16, 16)))
        self.fuse = nn.ModuleList((Conv(64, 64), Conv(64, 48), Conv(48, 24), Conv(24, 16)))
        self.last = Conv(16, 16)
        self.out = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """
        Look at images (b, 3, h, w), BGR, 0 to 1; h and w are multiples of 32.

        :returns: (b, 1, h / 2, w / 2) depth in metres.
        """
        x2 = self.stage2(x)
        x4 = self.stage4(x2)
        x8 = self.stage8(x4)
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        y = self.lateral[0](x32) + self.whole(x32.mean((2, 3), keepdim=True))
        for lateral, fuse, skip in zip(self.lateral[1:], self.fuse, (x16, x8, x4, x2)):
            y = nn.functional.interpolate(
                fuse(y), scale_factor=2.0, mode='bilinear', align_corners=False)
            y = nn.functional.relu(y + lateral(skip))
        inverse = torch.sigmoid(self.out(self.last(y)))
        return 1 / (inverse * (1 / NEAREST_M - 1 / FARTHEST_M) + 1 / FARTHEST_M)
