# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where fetched models lie: one folder for each user, with a card beside each model."""

import os
from pathlib import Path

from faster_deploy_ros.errors import BadValue, LoadFailed
from faster_deploy_ros.tasks.model_digest import model_sha256
from faster_deploy_ros.tools.models.model import ZooModel
from faster_deploy_ros.tools.whole_file import put_whole
import yaml

VARIABLE = 'FASTER_DEPLOY_MODELS'
_OPENING = '# What the tensors of the model beside this page mean; by faster-deploy models.\n'


def default_folder() -> Path:
    """Return the folder of the variable FASTER_DEPLOY_MODELS, else the one in the user's cache."""
    chosen = os.environ.get(VARIABLE, '')
    if chosen:
        return expanded(Path(chosen))
    home = os.environ.get('XDG_CACHE_HOME', '')
    base = Path(home) if os.path.isabs(home) else Path.home() / '.cache'
    return base / 'faster_deploy_ros' / 'models'


def expanded(path: Path) -> Path:
    """
    Put a home folder in the place of ``~`` or ``~name``.

    :raises BadValue: nobody is called so.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise BadValue(
            f"models: '{path}' begins with the home of a user that is not known; write the whole "
            'path') from error


def make_folder(folder: Path) -> None:
    """
    Make the folder for models where it is missing.

    :raises BadValue: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unwritable(folder, PermissionError(13, 'Permission denied'))


def unwritable(folder: Path, error: OSError) -> BadValue:
    """Return the error of a folder that does not take a file."""
    return BadValue(
        f"models: the folder '{folder}' cannot be written ({error.strerror}); choose another by "
        f'--output or by {VARIABLE}')


def checksum(model: Path) -> str:
    """
    Return the sha256 of a model's files.

    :raises LoadFailed: one cannot be read.
    """
    try:
        if model.exists() and not model.is_file():   # a pipe would be read for ever
            raise LoadFailed(f"models: '{model}' cannot be read (it is no file); take it away")
        return model_sha256(model)
    except OSError as error:
        raise LoadFailed(f"models: '{model}' cannot be read ({error.strerror})") from error


def card_of(model: Path) -> Path:
    """Return where the card of a model file lies."""
    return model.with_suffix('.yaml')


def expect_our_card(card: Path) -> None:
    """
    Refuse to write over a card that somebody else has written.

    :raises BadValue: there is one.
    :raises OSError: it cannot be read.
    """
    if os.path.lexists(card) and not card.is_file():
        raise BadValue(f"models: '{card}' is there and is no file; take it away")
    if card.is_file():
        with card.open('rb') as stream:
            is_ours = stream.read(len(_OPENING)) == _OPENING.encode()
        if not is_ours:
            raise BadValue(
                f"models: '{card}' is there without its model and is not of this command; "
                '--force replaces it')


def write_card(model: ZooModel, path: Path) -> Path:
    """
    Write the card beside a model file, whole or not at all; return its path.

    :raises OSError: the disk does not take it.
    """
    card = card_of(path)
    text = _OPENING + yaml.safe_dump(
        model.page(), sort_keys=False, default_flow_style=None, width=96, allow_unicode=True)
    put_whole(card, text)
    return card
