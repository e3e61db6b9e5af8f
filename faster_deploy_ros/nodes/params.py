# Copyright 2026 the faster_deploy_ros contributors
# SPDX-License-Identifier: Apache-2.0
"""A frozen dataclass as declared ROS parameters: description, range, choices, one default."""

from array import array
from dataclasses import dataclass, Field, field, fields
import difflib
import math
from typing import Any, Generic, get_type_hints, TypeVar

from faster_deploy_ros.cores.options import listed
from faster_deploy_ros.errors import BadParameter
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

P = TypeVar('P')
TEXTS = tuple[str, ...]
TEXT_OR_TEXTS = str | tuple[str, ...]
NUMBERS = tuple[float, ...]
WHOLE_NUMBERS = tuple[int, ...]
BOOL_OR_TEXT = bool | str
# An empty list has no element type: rclpy would take it for a byte array for good.
OPEN_TYPES = (TEXTS, TEXT_OR_TEXTS, NUMBERS, WHOLE_NUMBERS, BOOL_OR_TEXT)
UNBOUNDED = 1 << 53   # what a double holds exactly; a ROS range has no open end
NAMES = {bool: 'a boolean', int: 'an integer', float: 'a number (write 1.0, not 1)',
         str: 'a string', TEXTS: 'a list of strings',
         TEXT_OR_TEXTS: 'a string or a list of strings', NUMBERS: 'a list of numbers',
         WHOLE_NUMBERS: 'a list of whole numbers', BOOL_OR_TEXT: "true, false or ''"}


@dataclass(frozen=True, slots=True)
class About:
    """
    What a user may know of one parameter.

    :param minimum: of the number, or of each number of a list.
    :param count: how many numbers a list has that is not empty; 0: any.
    :param name: of the parameter where it is not the field's: ``'card.input.size'``.
    """

    text: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    count: int = 0
    name: str = ''


def parameter(default: Any, text: str, *, minimum: float | None = None,
              maximum: float | None = None, choices: tuple[Any, ...] = (), count: int = 0,
              name: str = '') -> Any:
    """Make a dataclass field that is also a ROS parameter; see :class:`About`."""
    return field(default=default, metadata={
        'about': About(text, minimum, maximum, choices, count, name)})


def parameter_name(one: 'Field[Any]') -> str:
    """Return what the ROS parameter of a field is called."""
    about: About = one.metadata['about']
    return about.name or one.name


class DeclaredParameters(Generic[P]):
    """
    The declared parameters of a node and the dataclass they become.

    A launch-time value that does not fit never stops the node's start: it is kept as a problem
    that :meth:`read` raises, until a good value is set.

    Thread: ROS
    """

    def __init__(self, node: Node, params_type: type[P]) -> None:
        """Declare every field of ``params_type`` on ``node``."""
        self._node = node
        self._params_type = params_type
        types = get_type_hints(params_type)
        self._fields: dict[str, Field[Any]] = {
            parameter_name(one): one for one in fields(params_type)}
        self._types = {name: types[one.name] for name, one in self._fields.items()}
        self._problems: dict[str, str] = {}
        self._locked = ''
        for name in self._fields:
            self._declare(name)
        self._warn_of_misspelt()
        node.add_on_set_parameters_callback(self._on_set)

    def lock(self, why: str) -> None:
        """Refuse changes from now on, for the reason ``why``; an empty one allows them again."""
        self._locked = why

    def read(self) -> P:
        """
        Return the values as the frozen dataclass.

        :raises BadParameter: a value is of the wrong type or out of its range.
        """
        if self._problems:
            raise BadParameter(' | '.join(self._problems.values()))
        return self._params_type(**{
            one.name: self._check(name, self._node.get_parameter(name).value)
            for name, one in self._fields.items()})

    def peek(self, name: str) -> Any:
        """Return one value as it is now, unchecked."""
        return self._node.get_parameter(name).value

    def _declare(self, name: str) -> None:
        default = self._fields[name].default
        value = list(default) if isinstance(default, tuple) else default
        descriptor = self._describe(name)
        try:
            self._node.declare_parameter(name, value, descriptor)
        except (InvalidParameterTypeException, InvalidParameterValueException) as error:
            self._node.declare_parameter(
                name, value, self._describe(name), ignore_override=True)
            given = self._node._parameter_overrides[name].value
            try:
                self._check(name, given)
                self._problems[name] = str(error)
            except BadParameter as problem:
                self._problems[name] = str(problem)

    def _warn_of_misspelt(self) -> None:
        """Tell of values that look like ours and would be ignored without a word."""
        for name in self._node._parameter_overrides:
            close = difflib.get_close_matches(name, self._fields, n=1)
            if close and not self._node.has_parameter(name):
                self._node.get_logger().warning(
                    f"parameter '{name}': this node has none of that name and ignores it. "
                    f"Did you mean '{close[0]}'?")

    def _describe(self, name: str) -> ParameterDescriptor:
        about: About = self._fields[name].metadata['about']
        descriptor = ParameterDescriptor(name=name, description=about.text)
        if about.choices:
            descriptor.additional_constraints = f'one of: {_listed(about.choices)}'
        if self._types[name] in OPEN_TYPES:
            descriptor.dynamic_typing = True
        bounded = about.minimum is not None or about.maximum is not None
        low = -UNBOUNDED if about.minimum is None else about.minimum
        high = UNBOUNDED if about.maximum is None else about.maximum
        if bounded and self._types[name] is int:
            descriptor.integer_range = [
                IntegerRange(from_value=int(low), to_value=int(high), step=0)]
        elif bounded and self._types[name] is float:
            descriptor.floating_point_range = [
                FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
        return descriptor

    def _check(self, name: str, value: Any) -> Any:
        about: About = self._fields[name].metadata['about']
        wanted = self._types[name]
        if wanted in (TEXTS, TEXT_OR_TEXTS, NUMBERS, WHOLE_NUMBERS):
            return _check_list(name, value, wanted, about)
        if wanted == BOOL_OR_TEXT:
            if type(value) is bool or value == '':
                return value
            raise BadParameter(_wrong_type(name, value, wanted))
        if type(value) is not wanted:
            raise BadParameter(_wrong_type(name, value, wanted))
        if about.choices and value not in about.choices:
            raise BadParameter(
                f"parameter '{name}': got '{value}', expected one of {_listed(about.choices)}")
        if not _is_within(value, about):
            raise BadParameter(f"parameter '{name}': got {value}, expected {_limits(about)}")
        return value

    def _on_set(self, parameters: list[Parameter[Any]]) -> SetParametersResult:
        """Refuse a change that the dataclass would refuse, with its reason."""
        changed = {p.name: p.value for p in parameters if p.name in self._fields}
        if not changed:
            return SetParametersResult(successful=True)
        names = ', '.join(changed)
        if self._locked:
            return SetParametersResult(
                successful=False, reason=f"parameter '{names}': {self._locked}")
        gone = [name for name, value in changed.items() if value is None]
        if gone:   # rclpy would undeclare it
            return SetParametersResult(
                successful=False,
                reason=f"parameter '{', '.join(gone)}': cannot be removed, expected a value")
        try:
            # Not the others: a bad one from the launch file must not hinder mending this one.
            for name, value in changed.items():
                self._check(name, value)
        except BadParameter as error:
            return SetParametersResult(successful=False, reason=str(error))
        for name in changed:
            self._problems.pop(name, None)
        return SetParametersResult(successful=True)


def _check_list(name: str, value: Any, wanted: Any, about: About) -> Any:
    """Return a list as the tuple that it becomes; no value and ``['']`` are an empty one."""
    if wanted == TEXT_OR_TEXTS and isinstance(value, str):
        return value
    if value is None or value == b'':   # what rcl and rclpy make of []
        return ()
    kinds = {NUMBERS: (int, float), WHOLE_NUMBERS: (int,)}.get(wanted, (str,))
    if not isinstance(value, list | tuple | array) or not all(type(v) in kinds for v in value):
        raise BadParameter(_wrong_type(name, value, wanted))
    if kinds == (str,):
        return tuple(v for v in value if v)
    if about.count and len(value) not in (0, about.count):
        raise BadParameter(
            f"parameter '{name}': got {list(value)}, expected {about.count} numbers")
    if not all(map(math.isfinite, value)):
        raise BadParameter(f"parameter '{name}': got {list(value)}, expected finite numbers")
    if not all(_is_within(v, about) for v in value):
        raise BadParameter(
            f"parameter '{name}': got {list(value)}, expected numbers of {_limits(about)}")
    return tuple(value)


def _is_within(value: Any, about: About) -> bool:
    low, high = about.minimum, about.maximum
    return (low is None or value >= low) and (high is None or value <= high)


def _limits(about: About) -> str:
    low, high = about.minimum, about.maximum
    return (f'at least {low}' if high is None else f'at most {high}' if low is None
            else f'{low} to {high}')


def _listed(choices: tuple[Any, ...]) -> str:
    return listed(tuple(str(choice) for choice in choices))


def _wrong_type(name: str, value: Any, wanted: Any) -> str:
    return f"parameter '{name}': got {value!r}, expected {NAMES[wanted]}"
