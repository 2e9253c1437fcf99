"""A vocoder that has learned to play a target's recordings."""

import keras

from data_pipelines import Audio, Pipeline
from data_pipelines.naming import MASK, plain_name
from mmkeras.generation.sound_output import sizes_of, vocoder_of
from mmkeras.layers import LogMel, NeuralVocoder
from mmkeras.losses import MultiResolutionSTFTLoss
from mmkeras.training.fit_part import fit_part


def fit_vocoder(
    pipe,
    rows,
    target,
    vocoder=None,
    validation=None,
    epochs=30,
    batch_size=16,
    learning_rate=2e-3,
    segment_seconds=1.0,
    seed=0,
    verbose="auto",
):
    """Trains a vocoder by `model.fit` to make samples of the log-mel frames of a target's recordings.

    Args:
        pipe: adapted `Pipeline`.
        rows: `Rows` to learn from.
        target: str. A target of sounds.
        vocoder: `NeuralVocoder` or None: one of usual size. Defaults to `None`.
        validation: `Rows` to judge by while it learns, or None. Defaults to `None`.
        epochs: int > 0. Defaults to `30`.
        batch_size: int > 0. Defaults to `16`.
        learning_rate: float > 0. Falls to 0 along a cosine. Defaults to `0.002`.
        segment_seconds: float > 0. Part of each recording that a step looks at, another one every epoch; as long as the
            target, if that is less. Defaults to `1.0`.
        seed: int. For the order of rows and the segments. Defaults to `0`.
        verbose: as in `model.fit`. Defaults to `"auto"`.
    Returns:
        The vocoder, for `vocoder=` of `AudioMelDecoder`, `AudioFlowDecoder` and `AudioTokenizer`, which keep it in
        their files.
    Raises:
        ValueError: a target that is no sound, a vocoder of other sizes, or (`NotFiniteError`) a loss that is NaN or
            infinite.
    Example:
        >>> vocoder = fit_vocoder(pipe, train, "voice")
        >>> decoder = AudioMelDecoder.from_spec(pipe.spec["targets"]["voice"], 0.1, vocoder=vocoder, name="voice")
        >>> model = build(pipe.spec, decoders={"voice": decoder})
    """
    target = plain_name(target)
    sound = pipe.targets.get(target)
    if not isinstance(sound, Audio):
        sounds = [pipe.title(name) for name, modality in pipe.targets.items() if isinstance(modality, Audio)]
        raise ValueError(
            f"fit_vocoder: target must be a sound. Received: target={target!r}. Do: one of {sounds or 'such targets'}."
        )
    sizes = sizes_of(sound)
    vocoder = vocoder_of("fit_vocoder", sizes, vocoder or NeuralVocoder(**sizes, name="vocoder"))
    vocoder.trainable = True  # Whoever holds it freezes it.
    model = _there_and_back(vocoder, sizes)
    seconds, column = min(segment_seconds, sound.seconds), sound.columns(target)[0]
    frames = {"frame_seconds": sound.frame_seconds, "hop_seconds": sound.hop_seconds, "column": column}
    wave = Audio(seconds, sound.sample_rate, "waveform", crop="random", **frames)
    reader = Pipeline({"wave": wave}, on_bad=pipe.on_bad).adapt(rows)
    options = {"batch_size": batch_size, "cache": True, "with_targets": False}
    batches = reader.batches(rows, training=True, seed=seed, **options).map(_own_label)
    judged = None if validation is None else reader.batches(validation, on_bad="mask", **options).map(_own_label)
    rate = keras.optimizers.schedules.CosineDecay(learning_rate, epochs * -(-len(rows) // batch_size))
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), _loss(sound.fft_length), jit_compile=False)
    fit_part("fit_vocoder", model, batches, judged, epochs, verbose)
    return vocoder


def _there_and_back(vocoder, sizes):
    wave, mask = keras.Input((None,), name="wave"), keras.Input((None,), dtype="bool", name="wave" + MASK)
    told = vocoder(LogMel(**sizes, dtype="float32")(wave, mask=mask))
    # Times 1, which drops the mask: a loss of a whole row has no place for one of samples, and both end in zeros.
    return keras.Model({"wave": wave, "wave" + MASK: mask}, told * 1.0, name="vocoder")


def _loss(frame):
    return MultiResolutionSTFTLoss((frame // 2, frame, 2 * frame))


def _own_label(x):
    return x, x["wave"]
