"""Fused tokens → a picture drawn out of noise, by flow matching."""

import keras
import numpy as np
from keras import ops

from mmkeras.component import component
from mmkeras.decoders.image_segmentation_decoder import ImageSegmentationDecoder
from mmkeras.generation.flow_time import NUM_WAVES, choose_time, draw_time, waves
from mmkeras.generation.seeds import Seeds
from mmkeras.layers.masking import hide, hide_rows, mask_or_full
from mmkeras.layers.picture_unet import picture_unet
from mmkeras.layers.token_pooling import TokenPooling
from mmkeras.losses.likeness import mean_likeness
from mmkeras.losses.picture_loss import PictureLoss

METHODS = ("euler", "heun")
NOISIER = -0.8  # mean of N in t = sigmoid(N) in training: what a picture shows is decided where noise is strong
LATEST = 0.95  # highest t in training, so that what is divided by 1 − t stays small
SLOWER = 2.0  # how many times shorter the first steps of drawing are than equal ones


@component
class ImageFlowDecoder(keras.layers.Layer):
    """Learns to move noise straight towards the pictures that go with the tokens, and draws new ones that way.

    With x₀ ~ N(0, 1), x₁ the picture in [−1, 1], xₜ = (1 − t) x₀ + t x₁: the net guesses the picture, which says how to
    move, v = (net(xₜ, t, tokens) − xₜ) / (1 − t). Called with the picture, it gives where the noise lands, x₀ + v, back
    in [0, 1]; its squared error is ¼ ‖v − (x₁ − x₀)‖², so flow matching is plain regression of the picture. Drawing
    follows v from t = 0 to 1, in short steps first.

    Args:
        shape: (H, W, C) of the picture, any H and W.
        widths: sequence of int > 0, multiples of 8 and the last one of `num_heads`. Channels of the U-Net's levels.
            Defaults to `(64, 128)`.
        patch: int > 0. Side of the squares of pixels that it takes as one place. Defaults to `1`.
        num_heads: int > 0. Defaults to `4`.
        drop_condition: float in [0, 1). Chance that a row's tokens are hidden in training, for `guidance`.
            Defaults to `0.1`.
        dropout: float in [0, 1). Share of the U-Net's hidden values dropped in training. Defaults to `0.0`.
    Call arguments:
        inputs: float tensor `(B, T, D)`.
        target: float tensor `(B, H, W, C)` in [0, 1], the picture, or None: grey.
        mask: bool tensor `(B, T)` or None.
        inputs_mask: the same; the name under which Keras hands over a mask by itself where there is a target.
        target_mask: bool tensor `(B,)` or None; True = there is a picture.
    Returns:
        float32 tensor `(B, H, W, C)`. In training, t and noise are drawn; else t follows from the picture and the noise
        is one for all rows. A row without tokens goes by one learned token: what pictures look like in general.
    Raises:
        ValueError: widths that do not fit, a chance outside [0, 1); in `generate`, steps < 1 or an unknown method.
    Example:
        >>> decoder = ImageFlowDecoder(shape=(6, 5, 3), widths=(8, 16))
        >>> decoder.generate(np.ones((2, 4, 8), "float32"), steps=2).shape
        TensorShape([2, 6, 5, 3])
    References:
        [Liu et al., 2022](https://arxiv.org/abs/2209.03003), [Lipman et al., 2022](https://arxiv.org/abs/2210.02747);
        [Ho and Salimans, 2022](https://arxiv.org/abs/2207.12598) for guidance;
        [Esser et al., 2024](https://arxiv.org/abs/2403.03206), §3.1 and §5.3.2, for t = sigmoid(N(−0.8, 1)) in training
        and the steps of drawing; [Li and He, 2025](https://arxiv.org/abs/2511.13720) for a net that gives the picture.
    """

    modality = "Image"
    preferred = True
    takes_target = True

    def __init__(self, shape, widths=(64, 128), patch=1, num_heads=4, drop_condition=0.1, dropout=0.0, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)
        self.widths = tuple(widths)
        self.patch = patch
        self.num_heads = num_heads
        self.drop_condition = drop_condition
        self.dropout = dropout
        self.supports_masking = True
        if not self.widths or any(width % 8 for width in self.widths) or self.widths[-1] % num_heads:
            raise ValueError(
                "ImageFlowDecoder: widths must be multiples of 8, the last one of num_heads too. "
                f"Received: widths={self.widths}, num_heads={num_heads}. Do: widths=(64, 128)."
            )
        if not 0 <= drop_condition < 1:
            raise ValueError(
                f"ImageFlowDecoder: drop_condition must be in [0, 1). Received: drop_condition={drop_condition}."
            )
        self.seed_generator = keras.random.SeedGenerator()

    def build(self, inputs_shape, target_shape=None):
        options, width = {"dtype": self.dtype_policy}, self.widths[-1]
        self.noise = np.random.default_rng(0).normal(size=(1, *self.shape)).astype("float32")
        self.null = self.add_weight(
            name="null", shape=(1, 1, width), initializer=keras.initializers.RandomNormal(0.0, 0.5)
        )
        self.project = keras.layers.Dense(width, name="project", **options)
        self.norm = keras.layers.LayerNormalization(epsilon=1e-5, name="context_norm", **options)
        self.pool = TokenPooling("attention", name="pool", **options)
        self.time = keras.layers.Dense(width, activation="silu", name="time", **options)
        self.tell = keras.layers.Dense(2 * width, activation="silu", name="tell", **options)
        self.project.build(inputs_shape)
        tokens = (None, None, width)
        self.norm.build(tokens)
        self.pool.build(tokens)
        self.time.build((None, NUM_WAVES))
        self.tell.build((None, 2 * width))
        self.unet = picture_unet(
            self.shape, 2 * width, width, self.widths, self.patch, self.num_heads, self.dropout, self.dtype_policy
        )

    def call(self, inputs, target=None, *, mask=None, inputs_mask=None, target_mask=None, training=False):
        mask = mask_or_full(inputs_mask if mask is None else mask, inputs, 2)
        rows = ops.shape(inputs)[0]
        if target is None:
            end = ops.zeros((rows, *self.shape), "float32")
        else:
            end = hide(ops.cast(target, "float32") * 2.0 - 1.0, mask_or_full(target_mask, target, 1))
        noise, time = self._draw(end) if training else self._choose(end)
        if training and self.drop_condition:
            mask = hide_rows(mask, self.drop_condition, self.seed_generator)
        part = time[:, None, None, None]
        velocity = self._velocity((1.0 - part) * noise + part * end, time, *self._condition(inputs, mask), training)
        return (noise + velocity + 1.0) / 2.0

    def _draw(self, end):
        """Noise and t for training."""
        noise = keras.random.normal(ops.shape(end), seed=self.seed_generator)
        return noise, draw_time(ops.shape(end)[0], self.seed_generator, NOISIER, LATEST)

    def _choose(self, end):
        """Noise and t for validation."""
        return ops.convert_to_tensor(self.noise), choose_time(end, self.noise, 0.0, LATEST)

    def _condition(self, inputs, mask):
        """Tokens for the U-Net, their mask and their summary; the null token is real where no other is."""
        tokens = self.norm(self.project(hide(inputs, mask)))
        null = ops.broadcast_to(ops.cast(self.null, tokens.dtype), (ops.shape(tokens)[0], 1, self.widths[-1]))
        mask = ops.concatenate([ops.logical_not(ops.any(mask, axis=1, keepdims=True)), mask], axis=1)
        tokens = hide(ops.concatenate([null, tokens], axis=1), mask)
        return tokens, mask, self.pool(tokens, mask=mask)

    def _velocity(self, picture, time, tokens, mask, pooled, training=False):
        told = self.tell(ops.concatenate([self.time(waves(time)), pooled], axis=-1))
        guess = ops.cast(self.unet([picture, told, tokens, mask], training=training), "float32")
        return (guess - picture) / ops.maximum(1.0 - time, 1.0 - LATEST)[:, None, None, None]

    def generate(self, inputs, mask=None, seed=0, steps=24, guidance=2.0, method="euler"):
        """Draws a picture for each row.

        Args:
            inputs: float tensor `(B, T, D)`.
            mask: bool tensor `(B, T)` or None.
            seed: int or int scalar tensor. Another one, another picture. Defaults to `0`.
            steps: int > 0. Steps from noise to picture. Defaults to `24`.
            guidance: float ≥ 0. How far to go from what pictures look like in general towards, and beyond, what they
                look like given the tokens; 1 = as learned, more = truer and less varied. Defaults to `2.0`.
            method: `"euler"`, or `"heun"`: twice the work a step, and closer. Defaults to `"euler"`.
        Returns:
            float32 tensor `(B, H, W, C)` in [0, 1].
        """
        if steps < 1:
            raise ValueError(f"ImageFlowDecoder.generate: steps must be > 0. Received: steps={steps}. Do: steps=24.")
        if method not in METHODS:
            raise ValueError(
                f"ImageFlowDecoder.generate: method must be one of {METHODS}. Received: method={method!r}."
            )
        inputs = ops.convert_to_tensor(inputs)
        if not self.built:
            self.build(inputs.shape)
        rows, mask = ops.shape(inputs)[0], mask_or_full(mask, inputs, 2)
        told = self._condition(inputs, mask)
        if guidance != 1.0:
            bare = self._condition(inputs, ops.zeros_like(mask))
            told = tuple(ops.concatenate(both, axis=0) for both in zip(told, bare, strict=True))

        def velocity(picture, time):
            if guidance == 1.0:
                return self._velocity(picture, ops.broadcast_to(time, (rows,)), *told)
            twice = ops.concatenate([picture, picture], axis=0)
            both = self._velocity(twice, ops.broadcast_to(time, (2 * rows,)), *told)
            return both[rows:] + guidance * (both[:rows] - both[rows:])

        def step(place, picture):
            time, after = (_slowly(ops.cast(place + more, "float32") / steps) for more in (0, 1))
            first = velocity(picture, time)
            moved = picture + first * (after - time)
            if method == "euler":
                return moved
            return picture + (first + velocity(moved, after)) * (after - time) / 2.0

        start = keras.random.normal((rows, *self.shape), seed=Seeds(seed))
        return ops.clip((ops.fori_loop(0, steps, step, start) + 1.0) / 2.0, 0.0, 1.0)

    def generated_spec(self, inputs):
        """What `generate` gives, as a `keras.KerasTensor`."""
        return keras.KerasTensor((inputs.shape[0], *self.shape), "float32")

    def compute_mask(self, inputs, target=None, mask=None):
        return None

    def compute_output_shape(self, inputs_shape, target_shape=None):
        return (inputs_shape[0], *self.shape)

    def compute_output_spec(self, inputs, target=None, **options):
        return self.generated_spec(inputs)

    def default_loss(self, label_smoothing=0.0):
        """Squared error of each picture; `label_smoothing` has no meaning here."""
        return PictureLoss(l1=0.0, l2=1.0)

    def default_metrics(self):
        """None: what call gives is no picture yet."""
        return []

    @staticmethod
    def score(labels, weights, predictions):
        """PSNR in dB and SSIM, means over pictures, of arrays `(N, H, W, C)`, `(N,)`, `(N, H, W, C)`."""
        return mean_likeness(labels, weights, predictions)

    def get_config(self):
        config = {
            "shape": list(self.shape),
            "widths": list(self.widths),
            "patch": self.patch,
            "num_heads": self.num_heads,
            "drop_condition": self.drop_condition,
            "dropout": self.dropout,
        }
        return {**super().get_config(), **config}

    @classmethod
    def from_spec(cls, spec, dropout, **options):
        """The decoder that suits what the pipeline says of the target, another one for masks.

        Of small pictures every pixel is a place of the U-Net, of larger ones a square of 4 × 4: 8 times less work.
        """
        if spec.details.get("num_classes"):
            return ImageSegmentationDecoder.from_spec(spec, dropout, **options)
        options.setdefault("patch", 1 if min(spec.shape[:2]) < 24 else 4)
        return cls(shape=spec.shape, **options)

    @classmethod
    def example(cls):
        """A tiny instance, its input shape and a label of its target, for the conformance sweep."""
        picture = [[[0.1 * x, 0.2 * y, 0.5] for x in range(5)] for y in range(3)]
        return cls(shape=(3, 5, 3), widths=(16, 32), patch=2, dropout=0.1), (5, 8), picture


def _slowly(share):
    """t after a share of the steps."""
    return share / (share + SLOWER * (1.0 - share))
