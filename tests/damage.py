"""Spoils files, the same way each time."""


def damaged(chance, data):
    """A file with flipped bits, cut off, doubled or overwritten in the middle; `chance` is a `random.Random`."""
    data = bytearray(data)
    kind = chance.choice(["flip", "flip", "cut", "zero", "double"])
    if kind == "flip":
        for _ in range(chance.choice([1, 4, 30])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[chance.randrange(1, len(data)) :]
    elif kind == "zero":
        start = chance.randrange(len(data))
        data[start : start + 40] = bytes(len(data[start : start + 40]))
    else:
        start = chance.randrange(len(data))
        data[start:start] = data[: chance.randrange(1, 60)]
    return bytes(data)
