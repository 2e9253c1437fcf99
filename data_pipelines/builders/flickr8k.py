"""Flickr8k from its folder: pictures with five captions each."""

import csv
import os
import re

try:
    import tensorflow_datasets as tfds
except ImportError as error:
    raise ImportError('Flickr8k: it needs tensorflow-datasets. Do: pip install "mmkeras[tfds]"') from error

CAPTIONS = ("captions.txt", "Flickr8k.token.txt")
SPLITS = {
    "train": "Flickr_8k.trainImages.txt",
    "validation": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
FOLDERS = ("Images", "Flicker8k_Dataset", "Flickr8k_Dataset")


class Flickr8k(tfds.core.GeneratorBasedBuilder):
    """Pictures and their captions, out of a folder that the user has fetched.

    The folder holds the pictures in `Images/` (or `Flicker8k_Dataset/`), the captions in `captions.txt` (a csv with a
    header) or `Flickr8k.token.txt` (`picture.jpg#0`, a tab, the caption), and may hold the lists of splits
    `Flickr_8k.trainImages.txt`, `….devImages.txt` and `….testImages.txt`. Without these all pictures are `train`. It is
    `downloads/manual/flickr8k` in the folder of TFDS, or what `manual_dir` of a download config says.

    Features:
        image: JPEG. captions: list of texts. `image/filename`: text.
    Raises:
        ValueError: no captions, a line that is no caption, or a picture that is not there.
    Example:
        >>> config = tfds.download.DownloadConfig(manual_dir="flickr8k/")
        >>> builder = Flickr8k(); builder.download_and_prepare(download_config=config)
        >>> rows = read_tfds(builder, "train")
    References:
        [Hodosh et al., 2013](https://doi.org/10.1613/jair.3994).
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "Put Images/, captions.txt and the Flickr_8k.*Images.txt lists into the manual folder."
    )

    def _info(self):
        return tfds.core.DatasetInfo(
            builder=self,
            description="8,000 pictures with five captions each.",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(encoding_format="jpeg"),
                    "captions": tfds.features.Sequence(tfds.features.Text()),
                    "image/filename": tfds.features.Text(),
                }
            ),
            homepage="https://hockenmaier.cs.illinois.edu/8k-pictures.html",
        )

    def _split_generators(self, dl_manager):
        folder = os.fspath(dl_manager.manual_dir)
        captions = read_captions(folder)
        return {split: self._generate_examples(folder, captions, names) for split, names in _splits(folder, captions)}

    def _generate_examples(self, folder, captions, names):
        place = next((os.path.join(folder, f) for f in FOLDERS if os.path.isdir(os.path.join(folder, f))), folder)
        for name in names:
            path = os.path.join(place, name)
            if not os.path.isfile(path) or name not in captions:
                lacking = "captions" if os.path.isfile(path) else "picture"
                raise ValueError(
                    f"Flickr8k: every picture of a list must be there, with captions. Received: {name!r} without "
                    f"{lacking} in {place!r}. Do: unpack the whole set, or take it off the list."
                )
            yield name, {"image": path, "captions": captions[name], "image/filename": name}


def read_captions(folder):
    """Dict picture → its captions, in the order of the file.

    Raises:
        ValueError: there is no such file, or a line is no caption.
    """
    path = next((os.path.join(folder, n) for n in CAPTIONS if os.path.isfile(os.path.join(folder, n))), None)
    if path is None:
        raise ValueError(
            f"Flickr8k: the folder must hold one of {CAPTIONS}. Received: {folder!r}. Do: unpack the texts into it."
        )
    captions = {}
    with open(path, newline="", encoding="utf-8-sig") as file:
        if path.endswith(CAPTIONS[0]):
            lines = list(csv.reader(file))[1:]
        else:
            lines = [re.split(r"#\d+\t", line.rstrip("\r\n"), maxsplit=1) for line in file]
    for line in filter(None, lines):
        if len(line) != 2:
            raise ValueError(
                f"Flickr8k: a line must be a picture and a caption. Received: {str(line)[:80]} in {path!r}. "
                "Do: compare it with the lines around it."
            )
        captions.setdefault(line[0].strip(), []).append(line[1].strip())
    return captions


def _splits(folder, captions):
    """Yields (split, names of pictures); all are `train` where there are no lists."""
    lists = {split: os.path.join(folder, name) for split, name in SPLITS.items()}
    found = {split: path for split, path in lists.items() if os.path.isfile(path)}
    for split, path in found.items():
        with open(path, encoding="utf-8-sig") as file:
            yield split, [line.strip() for line in file if line.strip()]
    if not found:
        yield "train", list(captions)
