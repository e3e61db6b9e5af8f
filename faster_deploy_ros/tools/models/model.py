# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""One row of the zoo: a model that others trained, where it is and under which licence."""

from dataclasses import asdict, dataclass
from typing import Any

from faster_deploy_ros.tasks.card import ModelCard

DETECTION, DEPTH = 'detection', 'depth'
# Licences that ask something of who passes on what is built with the weights.
COPYLEFT = ('AGPL-3.0', 'GPL-3.0')


@dataclass(frozen=True, slots=True)
class Asset:
    """
    A file at a public address that does not change.

    :param url: https, without a password.
    :param sha256: of the file, 64 hexadecimal digits; the download must have it.
    :param size: in bytes; None where nobody has written it down.
    :param vouched: who says that this is the checksum.
    """

    url: str
    sha256: str
    size: int | None
    vouched: str


@dataclass(frozen=True, slots=True)
class ZooModel:
    """
    A model that can be fetched, or of which we can only say how to export it.

    :param name: what the user calls it; ``<name>.onnx`` in the cache.
    :param title: for people.
    :param task: DETECTION or DEPTH.
    :param licence: of the weights, an SPDX identifier.
    :param source: the page of who made it.
    :param card: what its tensors mean.
    :param asset: the ONNX file; None where no one publishes it.
    :param export: how to make the ONNX file where none is published.
    :param remark: what a user of the card should know.
    """

    name: str
    title: str
    task: str
    licence: str
    source: str
    card: ModelCard
    asset: Asset | None = None
    export: str = ''
    remark: str = ''

    @property
    def file(self) -> str:
        """What the file is called here; upstream many are called model.onnx."""
        return f'{self.name}.onnx'

    @property
    def is_copyleft(self) -> bool:
        """Whether a user is asked before the weights are fetched."""
        return self.licence in COPYLEFT

    def page(self) -> dict[str, Any]:
        """Return the content of the card to write beside the file, as YAML takes it."""
        card = asdict(self.card)
        page = {'name': self.name, 'title': self.title, 'description': self.remark,
                'family': card['family'], 'labels': list(card['labels'])}
        for section in ('input', 'output'):
            page[section] = {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in card[section].items() if value is not None}
        page |= {'licence': self.licence, 'source': self.source}
        if self.asset is not None:
            page |= {'sha256': self.asset.sha256}
        return {key: value for key, value in page.items() if value not in ({}, [], '')}
