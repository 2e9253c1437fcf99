"""Every component in a tiny instance with inputs and masks, for the sweeps over all of them."""

import functools

import keras
import numpy as np

import mmkeras

SINGLE = "inputs"
MASK = "_mask"
GARBAGE = {"float32": (1e3, np.nan), "int32": (1000, -7)}


def components(folder):
    """The components of one folder, by name."""
    return {name: cls for name, cls in mmkeras.COMPONENTS.items() if cls.__module__.startswith(f"mmkeras.{folder}.")}


class Case:
    """One component: how to make it, what it takes, and what counts as real in what it gives.

    Inputs and masks are dicts name → array here, with the one name `"inputs"` for a component that takes a tensor.
    """

    def __init__(self, folder, cls):
        self.folder = folder
        self.cls = cls
        _, shapes, *more = cls.example()
        if folder == "fusions":
            self.shapes = {name: (shape, "float32", shape[:1]) for name, shape in shapes.items()}
        elif folder == "decoders":
            self.shapes = {SINGLE: (shapes, "float32", shapes[:1])}
            label = np.array(more[0])
            self.label = label.astype("int32" if label.dtype.kind == "i" else "float32")
        else:
            self.shapes = {SINGLE: shapes}
        self.takes_target = getattr(cls, "takes_target", False)
        self.can_grow = self._can_grow()

    def __repr__(self):
        return self.cls.__name__

    def make(self):
        """A new instance, not built."""
        return self.cls.example()[0]

    def built(self, longer=0):
        """A new instance, built; its weights drawn afresh."""
        layer = self.make()
        layer.build(self.declared(longer=longer))
        return layer

    @functools.cached_property
    def layer(self):
        """One built instance for all who change nothing about it."""
        return self.built()

    def _longer(self, steps):
        return {
            name: (shape[0] + steps, *shape[1:]) if mask else shape for name, (shape, _, mask) in self.shapes.items()
        }

    def _can_grow(self):
        """True where inputs have a time axis of any length: the weights do not depend on it."""
        if not any(mask for _, _, mask in self.shapes.values()):
            return False
        shapes = [[tuple(weight.shape) for weight in self.built(steps).weights] for steps in (0, 2)]
        return shapes[0] == shapes[1]

    def packed(self, parts):
        """What the component takes: the dict, or the one tensor in it."""
        return parts if self.folder == "fusions" else parts[SINGLE]

    def declared(self, batch=None, free=False, longer=0):
        """Input shapes as `compute_output_shape` takes them; `free` leaves the time axis open."""
        shapes = self._longer(longer)
        if free and self.can_grow:
            shapes = {name: (None, *shape[1:]) for name, shape in shapes.items()}
        return self.packed({name: (batch, *shape) for name, shape in shapes.items()})

    def inputs(self, seed=0, longer=0):
        """Six rows of random values."""
        random = np.random.default_rng(seed)
        return {
            name: random.integers(0, 5, (6, *shape)).astype(dtype)
            if dtype.startswith("int")
            else random.normal(size=(6, *shape)).astype(dtype)
            for (name, shape), (_, dtype, _) in zip(self._longer(longer).items(), self.shapes.values(), strict=True)
        }

    def masks(self, longer=0):
        """Rows from whole to nearly empty, differently for each modality; the last row has nothing at all."""
        masks = {}
        for place, (name, shape) in enumerate(self._longer(longer).items()):
            if not self.shapes[name][2]:
                masks[name] = np.array([True, True, False, True, True, False])
                continue
            steps = shape[0]
            lengths = np.roll([steps, steps - 1, (steps + 1) // 2, 1, 0], place).tolist()
            masks[name] = np.arange(steps)[None] < np.array([*lengths, 0])[:, None]
        return masks

    def full_masks(self):
        return {name: np.ones_like(mask) for name, mask in self.masks().items()}

    def spoiled(self, inputs, masks, garbage):
        """The inputs with garbage wherever the mask is False."""
        spoiled = {}
        for name, values in inputs.items():
            mask = masks[name].reshape(masks[name].shape + (1,) * (values.ndim - masks[name].ndim))
            spoiled[name] = np.where(mask, values, np.array(garbage, values.dtype))
        return spoiled

    def garbage(self):
        return GARBAGE[next(iter(self.shapes.values()))[1]]

    def call(self, layer, inputs, masks=None, **options):
        """What the component gives for inputs and masks, tensors or symbolic ones."""
        if masks is not None:
            options["mask"] = self.packed(masks)
        if self.takes_target:
            options.setdefault("target", self.target(inputs[SINGLE]))
        return layer(self.packed(inputs), **options)

    def target(self, like):
        """The label that a decoder follows, for as many rows as there are, or symbolic."""
        if isinstance(like, keras.KerasTensor):
            return keras.Input(self.label.shape, dtype=str(self.label.dtype), name="target")
        return keras.ops.convert_to_tensor(np.stack([self.label] * len(like)))

    def output_shape(self, layer, declared):
        """The shape that the layer declares for these inputs."""
        target = [(declared[0], *self.label.shape)] if self.takes_target else []
        return tuple(layer.compute_output_shape(declared, *target))

    def run(self, layer, inputs, masks=None, **options):
        """The same as an array."""
        tensors = {name: keras.ops.convert_to_tensor(values) for name, values in inputs.items()}
        if masks is not None:
            masks = {name: keras.ops.convert_to_tensor(mask) for name, mask in masks.items()}
        if keras.backend.backend() == "jax":
            return array(self._run_at_once(layer, tensors, masks, **options))
        return array(self.call(layer, tensors, masks, **options))

    def _run_at_once(self, layer, inputs, masks, **options):
        """One compiled program: JAX is slow at compiling operation by operation."""
        if not layer.built:
            layer.build(self.packed({name: values.shape for name, values in inputs.items()}))
        state = [[variable.value for variable in part] for part in _variables(layer)]
        return _program(self, layer, *sorted(options.items()))(*state, inputs, masks)

    def mask_of(self, layer, inputs, masks):
        """The mask of what it gives, as an array; None for one vector a row."""
        mask = layer.compute_mask(self.packed(inputs), self.packed(masks))
        return None if mask is None else array(mask)

    def real(self, layer, inputs, masks):
        """For each row the tokens that are real, or its vector."""
        given, mask = self.run(layer, inputs, masks), self.mask_of(layer, inputs, masks)
        return (
            list(given)
            if mask is None or mask.ndim == 1
            else [row[real] for row, real in zip(given, mask, strict=True)]
        )

    def model(self, layer):
        """A functional model, batch size and length open, with inputs NAME and NAME_mask."""
        inputs, masks = {}, {}
        for name, (shape, dtype, mask) in self.shapes.items():
            shape = (None, *shape[1:]) if self.can_grow else shape
            inputs[name] = keras.Input(shape, dtype=dtype, name=name)
            masks[name] = keras.Input(shape[:1] if mask else (), dtype="bool", name=name + MASK)
        label = {"target": self.target(inputs[SINGLE])} if self.takes_target else {}
        return keras.Model({**inputs, **named(masks), **label}, self.call(layer, inputs, masks, **label))

    def batch(self, masks=None, seed=0):
        """Inputs and masks as one dict, for `model`."""
        label = {"target": np.stack([self.label] * 6)} if self.takes_target else {}
        return {**self.inputs(seed), **named(masks or self.masks()), **label}


def _variables(layer):
    return layer.trainable_variables, layer.non_trainable_variables


@functools.lru_cache(maxsize=32)
def _program(case, layer, *options):
    import jax

    def run(trainable, rest, inputs, masks):
        given = dict(options) if masks is None else {**dict(options), "mask": case.packed(masks)}
        if case.takes_target:
            given.setdefault("target", case.target(inputs[SINGLE]))
        return layer.stateless_call(trainable, rest, case.packed(inputs), **given)[0]

    return jax.jit(run)


def named(masks):
    return {name + MASK: mask for name, mask in masks.items()}


def array(tensor):
    """A tensor as a float32 or bool array."""
    given = keras.ops.convert_to_numpy(tensor)
    return given if given.dtype == bool else given.astype("float32")


def cases(*folders):
    """A case for every component of the folders that has an `example`."""
    return [Case(folder, cls) for folder in folders for cls in components(folder).values() if hasattr(cls, "example")]
