"""Opens one file or cell of each kind of media: its facts, and its fingerprint where it has one."""

import io
import re

import numpy as np
import tensorflow as tf

from data_pipelines.audit.fingerprints import picture_print, sound_print
from data_pipelines.cells.media_cells import unreadable
from data_pipelines.formats.graph_text import read_graph
from data_pipelines.formats.image import read_picture, why_refused
from data_pipelines.formats.image_bounds import PLAIN, PictureBounds
from data_pipelines.formats.series import read_series
from data_pipelines.formats.video import clip_facts, sample_clip
from data_pipelines.formats.wav import read_wav
from data_pipelines.modalities import CellContext
from data_pipelines.modalities.time_series import FILE


class Opener:
    """Opens cells of one kind. Called with a cell's bytes it gives (facts, fingerprint or None).

    Args:
        modality: the column's, as guessed. It need not be adapted.
        context: `CellContext` of the column.
    """

    def __init__(self, modality, context):
        self.modality = modality
        self.context = context

    def read(self, cell):
        """The bytes that a cell holds or whose file it names."""
        return cell if isinstance(cell, bytes) else tf.io.read_file(cell).numpy()

    def __call__(self, data):
        raise NotImplementedError

    def why(self, cell):
        """Why the cell cannot be opened, in words."""
        return self.modality.reason([_encoded(cell)], self.context)


class PictureOpener(Opener):
    """Sides in pixels, format and mode; decoded once, by the reader that batches use."""

    def __init__(self, modality, context):
        super().__init__(modality, context)

        def look(data):
            # All pixels of what `modality` may have to shrink while it decodes.
            most = max(modality.max_bytes, int(PLAIN * modality.max_pixels))
            picture = read_picture(data, modality.max_pixels, modality.background, max_bytes=most)
            small = tf.image.resize(picture, (8, 9), method="area")
            return tf.shape(picture), small

        self.look = tf.function(look, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)

    def __call__(self, data):
        bounds = PictureBounds(self.modality.max_pixels, self.modality.max_bytes)
        if refused := why_refused(data, bounds, self.modality.size):
            raise ValueError(refused)
        sides, small = self.look(data)
        height, width = (int(side) for side in sides[:2])
        return {"width": width, "height": height, "bytes": len(data), **_form(data)}, picture_print(small.numpy())


class SoundOpener(Opener):
    """Seconds, rate in Hz, channels, format and loudness; decoded once, by the reader that batches use."""

    def __init__(self, modality, context):
        super().__init__(modality, context)
        read = lambda data: read_wav(modality.as_served(data))  # noqa: E731
        self.look = tf.function(read, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)

    def __call__(self, data):
        samples, rate = self.look(data)
        samples, rate = samples.numpy(), int(rate)
        facts = {"seconds": len(samples) / rate, "rate": rate, **_header(data), "bytes": len(data)}
        facts["peak"] = float(np.abs(samples).max())
        return facts, sound_print(samples, rate)


class ClipOpener(Opener):
    """Frames, rate, seconds, sides, codec and sound; the frames that a batch would have are decoded."""

    def __call__(self, data):
        m = self.modality
        if data.startswith(b"\x93NUMPY"):
            frames = m.decode(tf.constant(data)).shape[0]
            return {"frames": frames, "bytes": len(data), "codec": "npy"}, None
        facts = clip_facts(data)
        sample_clip(data, m.frames, (8, 8), m.seconds, m.max_pixels, m.frame_rate)
        return {**facts, "bytes": len(data)}, None


class SeriesOpener(Opener):
    """Steps, channels, share of gaps, and channels that have no number or never move."""

    def __init__(self, modality, context):
        super().__init__(modality, context)
        read = lambda data: read_series(modality.as_served(data))  # noqa: E731
        self.look = tf.function(read, input_signature=[tf.TensorSpec([], tf.string)], autograph=False)

    def read(self, cell):
        if self.context.is_bytes:
            return cell
        return self.modality.read(tf.constant(_encoded(cell)), self.context).numpy()

    def __call__(self, data):
        values = self.look(data).numpy()
        steps, channels = values.shape
        real = np.isfinite(values)
        if not real.any():
            return {"steps": 0, "channels": 0, "gaps": 1.0}, None
        facts = {"steps": steps, "channels": channels, "gaps": 1 - float(real.mean())}
        return {**facts, "still channels": _still(values) if steps > 1 else 0}, None

    def why(self, cell):
        data = _encoded(cell)
        named = not self.context.is_bytes and re.fullmatch(FILE, data.decode("utf-8", "replace"))
        return unreadable(data, CellContext(is_bytes=not named), lambda data: self(data.numpy()))


class GraphOpener(Opener):
    """Nodes, edges, and what they carry."""

    def read(self, cell):
        return _encoded(cell)

    def __call__(self, data):
        nodes, edges = read_graph(data.decode("utf-8").strip())
        count = len(nodes)
        facts = {"nodes": count, "edges": len(edges), "edges a node": len(edges) / count if count else 0.0}
        return {**facts, "loose nodes": count - len({place for edge in edges for place in edge[:2]})}, None

    def why(self, cell):
        try:
            self(_encoded(cell))
        except ValueError as error:
            return str(error)
        return "it was unreadable a moment ago"


OPENERS = {
    "Image": PictureOpener,
    "Audio": SoundOpener,
    "Video": ClipOpener,
    "TimeSeries": SeriesOpener,
    "Graph": GraphOpener,
}


def _encoded(cell):
    return cell if isinstance(cell, bytes) else str(cell).encode("utf-8")


def _still(values):
    """How many channels of `(T, C)` have one value only, or none."""
    return sum(len(np.unique(column[np.isfinite(column)])) < 2 for column in values.T)


def _form(data):
    """Format and mode of a picture, from its header, where Pillow is installed."""
    try:
        from PIL import Image
    except ImportError:
        return {}
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return {"format": str(picture.format), "mode": picture.mode}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return {"format": "?", "mode": "?"}


def _header(data):
    """Channels and format of a sound, from its header, where soundfile is installed and knows it."""
    try:
        import soundfile

        facts = soundfile.info(io.BytesIO(data))
    except (ImportError, OSError, RuntimeError):
        return {}
    return {"channels": facts.channels, "format": facts.format, "coding": facts.subtype}
