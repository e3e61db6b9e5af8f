# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""Names of topics."""


def beside(topic: str, name: str) -> str:
    """
    Return the topic ``name`` in the namespace of another, as image_transport finds camera_info.

    A global name stays global, a relative one relative: ``/image_raw`` has ``/camera_info``.
    """
    namespace, slash, _ = topic.rpartition('/')
    return f'{namespace}{slash}{name}'
