"""What must be the same for a training to go on as if it had never been cut off."""

import hashlib
import json
import re

import keras


def conditions_of(model, pipe, **facts):
    """Dict, JSON-ready: options as they are, what is large as a digest.

    Args:
        model: compiled `keras.Model`.
        pipe: adapted `Pipeline`.
        facts: whatever else decides what is learned.
    """
    parts = {"inputs": pipe.inputs, "targets": pipe.targets}
    compiled = model.get_compile_config() or {}
    found = {
        **facts,
        "on_bad": pipe.on_bad,
        **{part: {n: digest([m.get_config(), m.state()]) for n, m in kinds.items()} for part, kinds in parts.items()},
        "model": digest(_uncounted(model.get_config())),
        "losses": digest(_uncounted([compiled.get(name) for name in ("loss", "loss_weights")])),
        "optimizer": {n: v for n, v in _serialized(model.optimizer)["config"].items() if n != "name"},
        "backend": keras.backend.backend(),
    }
    return json.loads(json.dumps(found, default=_serialized))


def digest(value):
    """A short text that stands for anything made of dicts, lists, texts, numbers and Keras objects."""
    # Through JSON and back, so that what was read from a file counts as what was written.
    text = json.dumps(json.loads(json.dumps(value, default=_serialized)), sort_keys=True)
    return "digest " + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def require_same(then, now, folder):
    """Refuses to go on where something differs.

    Raises:
        ValueError: with all that differs, by name.
    """
    then, now = _flat(then), _flat(now)
    names = [name for name in dict.fromkeys([*then, *now]) if then.get(name) != now.get(name)]
    if names:
        told = ", ".join(_told(name, then.get(name), now.get(name)) for name in names)
        raise ValueError(
            f"run: training goes on with what it was begun with. Received: {told}, in {folder!r}. "
            "Do: the same arguments and rows, or start anew with --overwrite (overwrite=True)."
        )


def _told(name, then, now):
    if str(then).startswith("digest ") or str(now).startswith("digest "):
        return f"another {name}"
    return f"{name}={now!r} (was {then!r})"


def _flat(value, prefix=""):
    if not isinstance(value, dict) or not value:
        return {prefix.removesuffix("."): value}
    return {name: part for key, held in value.items() for name, part in _flat(held, f"{prefix}{key}.").items()}


def _serialized(value):
    return keras.saving.serialize_keras_object(value)


def _uncounted(config):
    """A config without the numbers that Keras counts names up by within a process."""
    return re.sub(r'_\d+(?=["/])', "", json.dumps(config, sort_keys=True, default=_serialized))
