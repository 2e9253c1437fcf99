"""Sentences out of templates: synonyms, filler, slips of the keyboard."""

import re


def pick(random, options):
    """One of some, as a str."""
    return str(options[random.integers(len(options))])


def fill_in(random, template, words):
    """Replaces each `{name}` by one of `words[name]`, and so on within that."""
    while "{" in template:
        template = re.sub(r"\{(\w+)\}", lambda found: pick(random, words[found.group(1)]), template, count=1)
    return template


def slip(random, text, rate=0.01):
    """Letters left out, doubled or swapped, as people type."""
    letters = list(text)
    for place in range(len(letters) - 1):
        if letters[place].isalpha() and random.random() < rate:
            kind = random.integers(3)
            pair = letters[place] + letters[place + 1]
            letters[place] = ("", letters[place] * 2, pair[1])[kind]
            letters[place + 1] = pair[0] if kind == 2 else letters[place + 1]
    return "".join(letters)


def loosely(random, text):
    """As somebody would write it: large letters, commas and full stops or not."""
    text = text.lower() if random.random() < 0.4 else text[:1].upper() + text[1:]
    text = text.replace(",", "") if random.random() < 0.3 else text
    return re.sub(r"\s+", " ", text).strip() + pick(random, ["", ".", ".", "!", " ", " thanks", ", thank you"])
