# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Weights under a copyleft licence are fetched for who accepts it, and nobody else."""

from collections.abc import Collection
from typing import TextIO

from faster_deploy_ros.errors import BadValue, Unsupported
from faster_deploy_ros.tools.models.model import COPYLEFT, ZooModel

YES = ('y', 'yes')


def check_accepted(accepted: Collection[str]) -> None:
    """
    Refuse licences that no row has: a typing error would accept nothing.

    :raises BadValue: an unknown identifier.
    """
    for each in accepted:
        if each not in COPYLEFT:
            raise BadValue(
                f"models: got --accept-licence '{each}', expected {' or '.join(COPYLEFT)}; other "
                'licences need no acceptance')


def ask_licence(
        model: ZooModel, accepted: Collection[str], questions: TextIO, answers: TextIO) -> None:
    """
    Ask the user, at a terminal, whether the licence of a model is accepted.

    :param accepted: identifiers that were accepted on the command line.
    :param questions: where the question is written.
    :param answers: where the answer is read from.
    :raises Unsupported: it is not accepted, or there is nobody to ask.
    """
    if model.licence in accepted:
        return
    remedy = f'to accept it: --accept-licence {model.licence}'
    if not answers.isatty():
        raise Unsupported(
            f'models: {model.name} is under {model.licence}, which has to be accepted, and there '
            f'is no terminal to ask at; {remedy}')
    questions.write(
        f'{model.title}\n  is under {model.licence} ({model.source}): who passes on a product '
        'with it, or offers it over a network,\n  has duties of that licence. '
        'Fetch it? [y/N] ')
    questions.flush()
    if answers.readline().strip().lower() not in YES:
        raise Unsupported(
            f'models: {model.licence} was not accepted, nothing was fetched; {remedy}')
