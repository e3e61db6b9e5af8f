# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""The environment in which whole images travel fast: our Fast DDS profile, or the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import sys

from faster_deploy_ros import shared_memory
from faster_deploy_ros.errors import Unavailable
from faster_deploy_ros.share import share_path

PROFILE = 'config/fastdds_whole_images.xml'
VARIABLE_3 = 'FASTDDS_DEFAULT_PROFILES_FILE'     # Fast DDS 3.x: Kilted and later
VARIABLE_2 = 'FASTRTPS_DEFAULT_PROFILES_FILE'    # Fast DDS 2.x: Humble, Jazzy
PROFILE_VARIABLES = (VARIABLE_3, VARIABLE_2)
USER_VARIABLES = (*PROFILE_VARIABLES, 'FASTDDS_BUILTIN_TRANSPORTS')
"""Any of these, set and not empty, is the user's own choice of transport: it stays."""
SWITCH = 'FASTER_DEPLOY_TRANSPORT'
"""Set to ``default``, it leaves the middleware as it comes."""
NEEDED_BYTES = 256 << 20
"""Room for a camera, a node, a viewer and a spare: each takes 68 MB, in full when it starts."""


@dataclass(frozen=True, slots=True)
class Transport:
    """
    What the processes that we start are to use.

    :param additions: the variables to add to their environment; empty when nothing is ours.
    :param reason: in words, what is in force and why.
    """

    additions: Mapping[str, str]
    reason: str


def choose(environ: Mapping[str, str] | None = None) -> Transport:
    """
    Decide what applies in an environment; never raises, the middleware works without us too.

    :param environ: the user's environment; ``os.environ`` if None.
    """
    environ = os.environ if environ is None else environ
    rmw = environ.get('RMW_IMPLEMENTATION', '')
    if rmw and 'fastrtps' not in rmw:
        return Transport({}, f'{rmw}, with its own settings')
    try:
        profile = str(share_path(PROFILE))
    except Unavailable as error:
        return Transport({}, f'Fast DDS as it comes, slow for whole images: {error}')
    ours = f'Fast DDS, whole images through shared memory, {profile}'
    for variable in USER_VARIABLES:
        value = environ.get(variable)
        if value == profile:
            return Transport({}, ours)
        if value:
            return Transport({}, f'as you set it, {variable}={value}')
    if environ.get(SWITCH) == 'default':
        return Transport({}, f'Fast DDS as it comes, because of {SWITCH}=default')
    room = shared_memory.free_bytes()
    if room < NEEDED_BYTES:
        return Transport({}, (
            'Fast DDS as it comes, slow for whole images: '
            f'{shared_memory.FOLDER} has {room >> 20} MB left, {NEEDED_BYTES >> 20} MB are needed '
            '(docker run --shm-size=1g)'))
    return Transport({_variable(environ): profile}, ours)


def prepare(environ: Mapping[str, str] | None = None) -> Transport:
    """
    Make room in shared memory, then :func:`choose`; for the moment before processes start.

    :param environ: the user's environment; ``os.environ`` if None.
    """
    shared_memory.remove_leftovers()
    return choose(environ)


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    Make the environment for a child process: the given one and what :func:`prepare` adds to it.

    :param environ: the user's environment; ``os.environ`` if None.
    """
    environ = os.environ if environ is None else environ
    return {**environ, **prepare(environ).additions}


def describe(environ: Mapping[str, str] | None = None) -> str:
    """
    Say in one line what processes started with :func:`environment` use.

    :param environ: the user's environment; ``os.environ`` if None.
    """
    return f'transport: {choose(environ).reason}'


def _variable(environ: Mapping[str, str]) -> str:
    """Name the one variable that this Fast DDS reads: 3.x stumbles over a file named twice."""
    prefixes = [p for p in environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if p]
    for prefix in (*prefixes, sys.prefix):
        share = Path(prefix) / 'share'
        if (share / 'fastdds').is_dir():
            return VARIABLE_3
        if (share / 'fastrtps').is_dir():
            return VARIABLE_2
    return VARIABLE_3
