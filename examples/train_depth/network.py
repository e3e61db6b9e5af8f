# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A small network from an image to metric depth."""

import torch
from torch import nn

NEAREST_M, FARTHEST_M = 0.5, 20.0


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


class Deployed(nn.Module):
    """What is exported: pixels 0 to 255 in, metres out, batch norm folded away."""

    def __init__(self, net: DepthNet) -> None:
        super().__init__()
        self.net = net.eval()
        for module in self.net.modules():
            if isinstance(module, Conv):
                fused = torch.nn.utils.fusion.fuse_conv_bn_eval(module[0], module[1])
                module[0], module[1] = fused, nn.Identity()
        with torch.no_grad():
            self.net.stage2[0].weight /= 255

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (1, 1, h / 2, w / 2) metres."""
        return self.net(images)
