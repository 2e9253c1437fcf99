"""What a model must know of an input or a target."""

import collections.abc
import dataclasses
import types


@dataclasses.dataclass(frozen=True)
class LabelSpec:
    """A target's label, without the batch axis.

    Args:
        shape: tuple of int or None, None for an open length.
        dtype: str. Defaults to `"float32"`.
        mask_shape: tuple of int or None. Defaults to `()`: all of a label is real, or nothing.
        longest: int or None. Most steps along an open axis. Defaults to `None`.
        as_input: bool. Whether training shows the model the label, as input target + `"_target"`. Defaults to `False`.
    """

    shape: tuple
    dtype: str = "float32"
    mask_shape: tuple = ()
    longest: int | None = None
    as_input: bool = False

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "mask_shape", tuple(self.mask_shape))

    def to_json(self):
        """A dict that JSON holds."""
        own = {"shape": list(self.shape), "dtype": self.dtype, "mask": list(self.mask_shape)}
        return {**own, "longest": self.longest, "as_input": self.as_input}

    @classmethod
    def from_json(cls, saved):
        """What `to_json` gave."""
        return cls(*(saved[name] for name in ("shape", "dtype", "mask", "longest", "as_input")))


@dataclasses.dataclass(frozen=True)
class FieldSpec:
    """An input or a target: what its parts are built from.

    Args:
        modality: str. The modality's class name, such as `"Image"`.
        shape: tuple of int or None. Of a row's value, without the batch axis; None for an open length.
        dtype: str. Of the value. Defaults to `"float32"`.
        mask_shape: tuple of int or None. Of the value's mask. Defaults to `()`.
        longest: int or None. Most steps along an open first axis. Defaults to `None`: nobody knows.
        like: str or None. Another modality, whose parts serve where this one has none of its own. Defaults to `None`.
        label: `LabelSpec` of a target, None for an input. Defaults to `None`.
        details: mapping. What only this modality's parts need, such as `vocabulary_size`. Defaults to `{}`.
    Raises:
        KeyError: `field[name]` of a detail that the modality does not give.
    Example:
        >>> field = FieldSpec("Text", (None,), "int32", (None,), longest=128, details={"vocabulary_size": 500})
        >>> field.shape, field["vocabulary_size"]
        ((None,), 500)
        >>> FieldSpec.from_json(field.to_json()) == field
        True
    """

    modality: str
    shape: tuple
    dtype: str = "float32"
    mask_shape: tuple = ()
    longest: int | None = None
    like: str | None = None
    label: LabelSpec | None = None
    details: collections.abc.Mapping = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(self.shape))
        object.__setattr__(self, "mask_shape", tuple(self.mask_shape))
        object.__setattr__(self, "details", types.MappingProxyType(dict(self.details)))

    def __getitem__(self, name):
        if name not in self.details:
            raise KeyError(
                f"FieldSpec: {self.modality} has no such detail. Received: {name!r}. Do: of {list(self.details)}."
            )
        return self.details[name]

    def to_json(self):
        """A flat dict that JSON holds, the details beside the rest."""
        own = {"modality": self.modality, "shape": list(self.shape), "dtype": self.dtype, "mask": list(self.mask_shape)}
        label = {} if self.label is None else {"label": self.label.to_json()}
        return {**own, "longest": self.longest, "like": self.like, **label, **self.details}

    @classmethod
    def from_json(cls, saved):
        """What `to_json` gave."""
        details = dict(saved)
        label = details.pop("label", None)
        own = [details.pop(name) for name in ("modality", "shape", "dtype", "mask", "longest", "like")]
        return cls(*own, label=None if label is None else LabelSpec.from_json(label), details=details)


def spec_json(spec):
    """A pipeline's spec, dict part → dict name → `FieldSpec`, as a dict that JSON holds."""
    return {part: {name: field.to_json() for name, field in fields.items()} for part, fields in spec.items()}


def spec_from_json(saved):
    """What `spec_json` gave, as a run's `spec.json` holds it, in the form that `mmkeras.build` takes."""
    return {
        part: {name: FieldSpec.from_json(field) for name, field in saved[part].items()}
        for part in ("inputs", "targets")
    }
