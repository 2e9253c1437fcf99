"""Cells of ordinary size that are costly to read: small files that say or hold far more than they weigh."""

import io
import struct
import zlib

import PIL.Image

CLEAR, END = 4, 5  # codes of a GIF with four colours
CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, bits=8, colour=2, before=b""):
    """A black PNG of any size, in a thousandth of its bytes: one flushed piece, again and again."""
    size = height * (1 + width * CHANNELS[colour] * bits // 8)
    pieces, rest = divmod(size, 2**20)
    pack = zlib.compressobj(9, wbits=-15)
    piece = pack.compress(bytes(2**20)) + pack.flush(zlib.Z_FULL_FLUSH)
    body = b"\x78\x9c" + piece * pieces + pack.compress(bytes(rest)) + pack.flush()
    body += struct.pack(">HH", size % 65521, 1)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + before + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def texts(count):
    """Chunks of a PNG, each of which unpacks to nearly 8 MB."""
    return chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(7_900_000), 9)) * count


def black(pixels):
    """The blocks of a GIF's frame in which all pixels are 0: every code stands for one pixel more than the last."""
    bits, size, left = [], 3, pixels
    while left > 0:
        bits += [(CLEAR, size), (0, 3)]
        size, left = 3, left - 1
        for run, code in enumerate(range(END + 1, 4095), 2):
            if left <= 0:
                break
            bits.append((code if left >= run else 0, size))
            left -= run if left >= run else 1
            size = min(12, (code + 1).bit_length())
    return _blocks([*bits, (END, size)])


def _blocks(bits):
    text = "".join(format(code, f"0{size}b")[::-1] for code, size in bits)
    text += "0" * (-len(text) % 8)
    data = int(text[::-1], 2).to_bytes(len(text) // 8, "little")
    parts = (data[place : place + 255] for place in range(0, len(data), 255))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def gif(canvas, frame, blocks, count=1, before=b""):
    """A GIF of so many equal frames `(width, height)`, without looking at whether they fit on the canvas."""
    head = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x81, 0, 0) + bytes(12)
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02" + blocks
    return head + before + one * count + b";"


def jpeg(side, scans=0, **options):
    """A grey JPEG, progressive where its last scan is to be repeated."""
    file = io.BytesIO()
    PIL.Image.new("RGB", (side, side), (90, 120, 60)).save(file, "JPEG", progressive=scans > 0, **options)
    data = file.getvalue()
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * scans + data[-2:]


def wav(body=b"\1\0" * 4000, rate=8000, bits=16, before=b""):
    layout = struct.pack("<HHIIHH", 1, 1, rate, rate * bits // 8, bits // 8, bits)
    parts = b"fmt " + struct.pack("<I", 16) + layout + before + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(parts) + 4) + b"WAVE" + parts


def npy(shape, body, kind="|u1", spaces=0):
    head = str({"descr": kind, "fortran_order": False, "shape": shape}).encode() + b" " * spaces + b"\n"
    return b"\x93NUMPY\x02\0" + struct.pack("<I", len(head)) + head + body


def graph(nodes, edges):
    return f'{{"nodes": [{", ".join(nodes)}], "edges": [{", ".join(edges)}]}}'.encode()


EMPTY_CHUNKS = b"abcd\0\0\0\0"
GOOD = {
    "photo": lambda: png(20, 16),
    "voice": wav,
    "clip": lambda: npy((4, 8, 8, 3), bytes(768)),
    "load": lambda: b"1,2;3,4",
    "molecule": lambda: b'{"nodes": ["C", "O"], "edges": [[0, 1]]}',
    "marks": lambda: b"a|b",
    "story": lambda: b"the dog and a cat",
    "letters": lambda: b"the dog and a cat",
}
# Column, name → (a cell, whether it is still read).
HOSTILE = {
    ("photo", "16 bits, 9,999 × 9,999, with transparency"): (lambda: png(9999, 9999, 16, 6), False),
    ("photo", "8 bits, 9,999 × 9,999"): (lambda: png(9999, 9999), False),
    ("photo", "one row of a million pixels"): (lambda: png(1_000_000, 1), False),
    ("photo", "500 packed texts"): (lambda: png(8, 8, before=texts(500)), False),
    ("photo", "a frame of 20,000 × 20,000 on a canvas of 10 × 10"): (
        lambda: gif((10, 10), (20000, 20000), black(20000**2)),
        False,
    ),
    ("photo", "four of them"): (lambda: gif((10, 10), (20000, 20000), black(20000**2), 4), False),
    ("photo", "300 frames of 2,000 × 2,000"): (lambda: gif((2000, 2000), (2000, 2000), black(2000**2), 300), True),
    ("photo", "800,000 comments"): (lambda: gif((8, 8), (8, 8), black(64), before=b"\x21\xfe\1a\0" * 800_000), False),
    ("photo", "250 scans of 4,000 × 4,000"): (lambda: jpeg(4000, 250), False),
    ("voice", "500,000 empty chunks"): (lambda: wav(before=EMPTY_CHUNKS * 500_000), False),
    ("voice", "1.6 million samples a second"): (lambda: wav(b"\x81" * 4_000_000, 1_600_000, 8), True),
    ("voice", "2 thousand million samples a second"): (lambda: wav(b"\x81" * 4_000_000, 2**31 - 1, 8), True),
    ("clip", "a header of 4 MB"): (lambda: npy((4, 8, 8, 3), bytes(768), spaces=4_000_000), False),
    ("clip", "one row of 1.3 million pixels"): (lambda: npy((1, 1, 1_333_333, 3), bytes(3_999_999)), False),
    ("clip", "sides whose product wraps around"): (lambda: npy((2**29, 2**29, 64, 3), bytes(768)), False),
    ("load", "a million steps"): (lambda: b"1,2;" * 1_000_000, False),
    ("load", "four million empty steps"): (lambda: b";" * 4_000_000, False),
    ("load", "a header of 4 MB"): (lambda: npy((2, 2), bytes(4), spaces=4_000_000), False),
    ("molecule", "500,000 edges"): (lambda: graph(['"C"', '"O"'], ["[0, 1]"] * 500_000), False),
    ("molecule", "700,000 nodes"): (lambda: graph(['"C"'] * 700_000, []), False),
    ("marks", "8,000 times the same"): (lambda: b"a|" * 8000, True),
    ("marks", "30,000 times the same"): (lambda: b"a|" * 30_000, True),
    ("marks", "four million separators"): (lambda: b"|" * 4_000_000, False),
    ("story", "10 MB"): (lambda: b"the dog and " * 900_000, True),
    ("letters", "10 MB"): (lambda: b"the dog and " * 900_000, True),
    ("letters", "a word of 10 MB"): (lambda: b"the" * 3_500_000, True),
}
