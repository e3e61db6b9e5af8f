# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The loss of YOLOX with its SimOTA assignment (arXiv 2107.08430, section 2.1)."""

from examples.train_shapes.network import decode
import torch
from torch.nn import functional


def pair_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Intersection over union of xyxy boxes (n, 4) and (m, 4): (n, m)."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared + 1e-6)


def generalised_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """GIoU of boxes (n, 4) with their partners (n, 4): (n,), -1 to 1."""
    low = torch.maximum(first[:, :2], second[:, :2])
    high = torch.minimum(first[:, 2:], second[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(-1) for boxes in (first, second)]
    union = areas[0] + areas[1] - shared + 1e-6
    hull = (torch.maximum(first[:, 2:], second[:, 2:])
            - torch.minimum(first[:, :2], second[:, :2])).prod(-1) + 1e-6
    return shared / union - (hull - union) / hull


@torch.no_grad()
def assign(logits: torch.Tensor, boxes: torch.Tensor, truth: torch.Tensor,
           classes: torch.Tensor, centres: torch.Tensor, strides: torch.Tensor,
           ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """
    Give each true box the cells that can predict it most cheaply.

    :param logits: (n, 5 + c) of one image; :param boxes: (n, 4) decoded.
    :returns: chosen cells (k,), the truth each of them got (k,), their IoU (k,).
    """
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    close = ((centres[None] - middle[:, None]).abs() < 1.5 * strides[None]).all(-1)
    inside = ((centres[None] > truth[:, None, :2]) & (centres[None] < truth[:, None, 2:])).all(-1)
    candidates = torch.nonzero((close | inside).any(0))[:, 0]
    close, inside = close[:, candidates], inside[:, candidates]
    iou = pair_iou(truth, boxes[candidates])
    score = logits[candidates, 5:].sigmoid() * logits[candidates, 4:5].sigmoid()
    target = functional.one_hot(classes, score.shape[1]).float()
    doubt = functional.binary_cross_entropy(
        score.sqrt()[None].expand(len(truth), -1, -1),
        target[:, None].expand(-1, len(candidates), -1), reduction='none').sum(-1)
    cost = doubt - 3 * torch.log(iou + 1e-8) + 1e5 * ~(close & inside) + 1e6 * ~close
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    share = iou.topk(min(10, iou.shape[1]), dim=1).values.sum(1).int().clamp(min=1)
    for row, count in enumerate(share.tolist()):
        chosen[row, cost[row].topk(count, largest=False).indices] = True
    contested = chosen.sum(0) > 1
    best = cost.argmin(0)
    chosen[:, contested] = functional.one_hot(
        best[contested], len(truth)).T.bool()
    owner, cell = torch.nonzero(chosen, as_tuple=True)
    return candidates[cell], owner, iou[owner, cell]


def detection_loss(logits: torch.Tensor, truths: list[tuple[torch.Tensor, ...]],
                   corners: torch.Tensor, strides: torch.Tensor) -> torch.Tensor:
    """
    Sum the losses of box, objectness and class over a batch, per assigned cell.

    :param truths: boxes (n, 4), classes (n,) and boxes (m, 4) in which nothing is wrong.
    """
    boxes = decode(logits[..., :4], corners, strides)
    centres = (corners + 0.5) * strides
    objectness, weight = torch.zeros(logits.shape[:2]), torch.ones(logits.shape[:2])
    box_loss, class_loss, total = torch.zeros(()), torch.zeros(()), 0
    for image, (truth, classes, ignored) in enumerate(truths):
        for low, high in zip(ignored[:, :2], ignored[:, 2:]):
            weight[image, ((centres > low) & (centres < high)).all(1)] = 0
        if len(truth) == 0:
            continue
        cell, owner, iou = assign(logits[image], boxes[image], truth, classes, centres, strides)
        objectness[image, cell] = weight[image, cell] = 1
        total += len(cell)
        box_loss = box_loss + (1 - generalised_iou(boxes[image, cell], truth[owner])).sum()
        target = functional.one_hot(classes[owner], logits.shape[2] - 5).float() * iou[:, None]
        class_loss = class_loss + functional.binary_cross_entropy_with_logits(
            logits[image, cell, 5:], target, reduction='sum')
    seen = functional.binary_cross_entropy_with_logits(
        logits[..., 4], objectness, weight, reduction='sum')
    return (5 * box_loss + seen + class_loss) / max(total, 1)
