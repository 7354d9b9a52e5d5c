"""The weights of a checked model, found in the groups of its file.

Keras writes two layouts: .h5 files have a group for each layer of the outermost model, with all
weights in it by name, trained ones first; .keras files follow the models inside each other, with
layers by class and weights by number.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from loihiseg.conversion.keras_file.errors import FaultyFileError, one_line
from loihiseg.conversion.keras_file.hdf5 import Group
from loihiseg.conversion.keras_file.layers import LAYERS, Weight
from loihiseg.conversion.keras_file.wiring import Layer, Model

Weights = dict[Layer, list[np.ndarray]]
"""Arrays of each layer that has any, in the order of its rule."""


@dataclass(frozen=True, eq=False)
class WeightFaults:
    """What is wrong with the weights of a file, for what goes on without them.

    Attributes
    ----------
    of_layers : dict of Layer to str
        Of layers whose weights are not the ones they should have; each is named.
    of_file : tuple of str
        What is of no layer, or of a model inside.
    """

    of_layers: dict[Layer, str] = field(default_factory=dict)
    of_file: tuple[str, ...] = ()


def weights_of(layer: Layer) -> list[Weight]:
    """The weights a layer has with its settings; none for a model."""
    if layer.model is not None or layer.fault:
        return []
    rule = LAYERS[layer.kind]
    return [w for w in rule.weights if w.unless is None or layer.arguments.get(w.unless, True)]


def find_weights(model: Model, root: Group, keras_3: bool) -> Weights:
    """The weights of every layer.

    Parameters
    ----------
    model : Model
    root : Group
        Of the HDF5 file.
    keras_3 : bool
        Whether today's Keras wrote it: it orders the weights of models inside otherwise.

    Raises
    ------
    FaultyFileError
        Names every layer whose weights are missing, too many, or no finite numbers.
    """
    finder = _found(model, root, keras_3, True)
    if finder.faults:
        raise FaultyFileError([text for _, text in finder.faults])
    return finder.found


def weights_and_faults(model: Model, root: Group, keras_3: bool) -> tuple[Weights, WeightFaults]:
    """The same of all layers that have theirs, of whatever values, and what is wrong with others.

    Parameters are those of `find_weights`.
    """
    finder = _found(model, root, keras_3, False)
    of_layers: dict[Layer, str] = {}
    for layer, text in finder.faults:
        if layer is not None:
            of_layers.setdefault(layer, text)
    of_file = tuple(text for layer, text in finder.faults if layer is None)
    return finder.found, WeightFaults(of_layers, of_file)


def _found(model: Model, root: Group, keras_3: bool, check_values: bool) -> "_Finder":
    finder = _Finder(check_values)
    if "model_weights" in root.groups:
        finder.by_name(model, root.groups["model_weights"], keras_3)
    else:
        finder.by_number(model, root, "")
        finder.check_all_used(root)
    return finder


class _Finder:
    def __init__(self, check_values: bool) -> None:
        self.check_values = check_values
        self.found: Weights = {}
        self.faults: list[tuple[Layer | None, str]] = []
        self.used: set[int] = set()

    def refuse(self, layer: Layer | None, text: str) -> None:
        """Note a fault of a layer, or of the file where it is a model inside."""
        self.faults.append((layer if layer is not None and layer.model is None else None, text))

    def take(self, layer: Layer, arrays: list[np.ndarray]) -> None:
        """Note the arrays of a layer, and what is wrong with their numbers."""
        for weight, array in zip(weights_of(layer), arrays):
            what = f"layer '{layer.name}': {weight.name}"
            if array.dtype.kind != "f":
                self.refuse(layer, f"{what} is of {array.dtype}; expected floating point")
            elif not self.check_values:
                continue
            elif not np.isfinite(array).all():
                n_bad = array.size - int(np.count_nonzero(np.isfinite(array)))
                self.refuse(layer, f"{what} has {n_bad:,} of {array.size:,} values not finite")
            elif weight.name == "moving_variance" and array.size and array.min() < 0:
                self.refuse(layer, f"{what} has a variance below 0")
        self.found[layer] = arrays

    def by_number(self, model: Model, group: Group, where: str) -> None:
        """Weights as .keras files have them."""
        inside = group.groups.get("layers", Group())
        counts: Counter[str] = Counter()
        for layer in model:
            if model.is_sequential and layer.kind == "InputLayer":
                continue
            # Classes that were registered have their package before them, groups have not.
            own_class = layer.kind.rsplit(">", 1)[-1]
            name = "functional" if own_class == "Model" else _snake_case(own_class)
            numbered = f"{name}_{counts[name]}" if counts[name] else name
            counts[name] += 1
            own = inside.groups.get(numbered, Group())
            path = f"{where}layers/{numbered}"
            if layer.fault:
                self.use(own)
            elif layer.model is not None:
                self.by_number(layer.model, own, f"{path}/")
            else:
                self._numbered(layer, own.groups.get("vars", Group()), path)

    def _numbered(self, layer: Layer, group: Group, path: str) -> None:
        expected = weights_of(layer)
        self.used.add(id(group))
        names = [str(number) for number in range(len(expected))]
        if set(group.arrays) != set(names):
            self.refuse(
                layer,
                f"layer '{layer.name}' ({layer.kind}) has {len(group.arrays)} weights in {path}; "
                f"expected {len(expected)}",
            )
        elif expected:
            self.take(layer, [group.arrays[name] for name in names])

    def use(self, group: Group) -> None:
        """Note a group, and all inside, as looked at."""
        self.used.add(id(group))
        for inner in group.groups.values():
            self.use(inner)

    def check_all_used(self, root: Group, path: str = "") -> None:
        """No weights are left over: they would be of layers that were taken out, or mixed up."""
        for name, inner in root.groups.items():
            # The state of random numbers, of no use here.
            if name == "seed_generator" or id(inner) in self.used:
                continue
            where = f"{path}/{name}"
            if inner.arrays:
                self.refuse(None, f"{one_line(where, 100)} has weights of no layer")
            self.check_all_used(inner, where)

    def by_name(self, model: Model, group: Group, keras_3: bool) -> None:
        """Weights as .h5 files have them."""
        outermost = {layer.name for layer in model}
        for name, inner in group.groups.items():
            if name not in outermost and inner.texts.get("weight_names"):
                self.refuse(None, f"{one_line(name, 100)!r} has weights, and is no layer")
        for layer in model:
            if _has_faults(layer):
                continue
            order = list(_legacy_order(layer, keras_3))
            inner = group.groups.get(layer.name, Group())
            names = inner.texts.get("weight_names", [])
            if len(names) != len(order):
                self.refuse(
                    layer,
                    f"layer '{layer.name}' ({layer.kind}) has {len(names)} weights in the file; "
                    f"expected {len(order)}",
                )
                continue
            self._named(layer, order, names, inner)

    def _named(
        self, outer: Layer, order: list[tuple[Layer, Weight]], names: list[str], group: Group
    ) -> None:
        arrays: dict[Layer, dict[str, np.ndarray]] = {}
        for (layer, weight), name in zip(order, names):
            if not _is_name_of(weight, name):
                self.refuse(
                    outer,
                    f"layer '{outer.name}' has {one_line(name, 100)!r} where {weight.name} of "
                    f"'{layer.name}' is expected",
                )
                return
            array = _array_at(group, name)
            if array is None:
                self.refuse(outer, f"layer '{outer.name}' has no array {one_line(name, 100)!r}")
                return
            arrays.setdefault(layer, {})[weight.name] = array
        for layer, by_name in arrays.items():
            self.take(layer, [by_name[weight.name] for weight in weights_of(layer)])


def _has_faults(layer: Layer) -> bool:
    """Whether the order of a layer's weights is not known."""
    inside = layer.model or ()
    return bool(layer.fault) or any(_has_faults(each) for each in inside)


def _array_at(group: Group, path: str) -> np.ndarray | None:
    *folders, last = path.split("/")
    for folder in folders:
        if folder not in group.groups:
            return None
        group = group.groups[folder]
    return group.arrays.get(last)


def _is_name_of(weight: Weight, name: str) -> bool:
    # Today's Keras says kernel also where tf_keras says depthwise_kernel.
    plain = re.sub(r"(_\d+)?(:0)?$", "", name.split("/")[-1])
    return plain == weight.name or (plain == "kernel" and weight.name == "depthwise_kernel")


def _snake_case(kind: str) -> str:
    """Name of a class in .keras files."""
    cut = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", cut).lower()


def _legacy_order(layer: Layer, keras_3: bool) -> Iterator[tuple[Layer, Weight]]:
    """The weights of a layer or model in the order of .h5 files: trained ones first."""
    if keras_3:
        every = list(_leaves(layer, True))
        yield from ((leaf, w) for leaf, w, trained in every if trained)
        yield from ((leaf, w) for leaf, w, trained in every if not trained)
    else:
        yield from _trained(layer)
        yield from _not_trained(layer)


def _leaves(layer: Layer, trainable: bool) -> Iterator[tuple[Layer, Weight, bool]]:
    trainable = trainable and layer.is_trainable
    if layer.model is None:
        yield from ((layer, weight, weight.trained and trainable) for weight in weights_of(layer))
    else:
        for inner in layer.model:
            yield from _leaves(inner, trainable)


def _trained(layer: Layer) -> Iterator[tuple[Layer, Weight]]:
    if not layer.is_trainable:
        return
    if layer.model is None:
        yield from ((layer, weight) for weight in weights_of(layer) if weight.trained)
    else:
        for inner in layer.model:
            yield from _trained(inner)


def _not_trained(layer: Layer) -> Iterator[tuple[Layer, Weight]]:
    if layer.model is None:
        weights = weights_of(layer)
        if not layer.is_trainable:
            yield from ((layer, weight) for weight in weights if weight.trained)
        yield from ((layer, weight) for weight in weights if not weight.trained)
        return
    if not layer.is_trainable:
        for inner in layer.model:
            yield from _trained(inner)
    for inner in layer.model:
        yield from _not_trained(inner)
