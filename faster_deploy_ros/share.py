# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that the package ships are: models, config, launch."""

import os
from pathlib import Path

from faster_deploy_ros.errors import Unavailable

PACKAGE = 'faster_deploy_ros'
SCHEME = 'package://'


def share_path(relative: str, package: str = PACKAGE) -> Path:
    """
    Find a shipped file in this checkout or in an installed ROS prefix.

    :param relative: below the package's share folder: ``'config/detection.yaml'``.
    :raises Unavailable: no such file in any of the places, which the message lists.
    """
    places = []
    if package == PACKAGE:
        checkout = Path(__file__).resolve().parent.parent
        if (checkout / 'package.xml').is_file():
            places.append(checkout)
    prefixes = os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)
    places += [Path(prefix) / 'share' / package for prefix in prefixes if prefix]
    for place in places:
        if (place / relative).exists():
            return place / relative
    looked = ', '.join(map(str, places)) or 'nowhere, AMENT_PREFIX_PATH is not set'
    raise Unavailable(
        f"{package}: the shipped file '{relative}' is not found (looked in: {looked}). "
        'Source the workspace that has the package, or give a full path.')


def resolve_package_url(text: str) -> str:
    """
    Turn ``package://<package>/<path>`` into a path; any other text is returned as it is.

    :raises Unavailable: the package's share folder has no such file, or the text names none.
    """
    if not text.startswith(SCHEME):
        return text
    location, question, options = text.partition('?')
    package, _, relative = location.removeprefix(SCHEME).partition('/')
    if not package or not relative or '..' in relative.split('/'):
        raise Unavailable(
            f"'{location}' names no shipped file, expected package://<package>/<path>")
    return f'{share_path(relative, package)}{question}{options}'
