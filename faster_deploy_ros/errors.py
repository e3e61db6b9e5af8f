# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, one class for each thing a caller may do about it."""


class FasterDeployError(Exception):
    """Base of all our errors; its text says where, what, what was expected and what to do."""


class UnknownName(FasterDeployError):
    """A name that no registry row, parameter choice or class label has."""


class Unavailable(FasterDeployError):
    """Something real that this machine lacks: a package, a device, a file."""


class BadValue(FasterDeployError, ValueError):
    """A setting whose text cannot be read, or whose value is out of range."""


class LoadFailed(FasterDeployError):
    """A model that cannot be loaded: missing, corrupt, foreign or of the wrong kind."""


class InferFailed(FasterDeployError):
    """An inference that the runtime began and could not finish; the seat stays usable."""


class Unsupported(FasterDeployError):
    """A request that is understood and not offered here."""


class BlobMismatch(FasterDeployError):
    """A tensor whose name, shape, dtype or place is not the one the model has."""


class Closed(FasterDeployError):
    """A use after unload or close."""


class TimedOut(FasterDeployError):
    """A wait that ended without what was waited for."""


class BadFrame(FasterDeployError):
    """An image that cannot be read: wrong step, size, encoding or data."""


class BadParameter(FasterDeployError):
    """A parameter whose type or value is not one the node can use."""


class ConvertFailed(FasterDeployError):
    """A model that a converter could not turn into another runtime's."""
