"""What customers write to a shop → what they want, one of 24.

4,000 rows of 5 to 50 words, English. Made by a seeded generator out of templates: six things people want times four
things that they want it of, five to nine wordings each, greetings and stories around them, a second matter that is
settled or that somebody else has, slips of the keyboard. One request in 25 is filed under something else.
"""

import numpy as np
import pandas as pd

from suite.phrases import fill_in, loosely, pick, slip
from suite.writing import share_out, write_parts

TARGET, METRIC = "request", "accuracy"
ROWS, MISFILED = 4000, 0.04
WANTS = {
    "cancel": "cancel {it}|call off {it}|stop {it}|put an end to {it}|get out of {it}|"
    "no longer need {it}|withdraw {it}",
    "change": "change {it}|alter {it}|make an amendment to {it}|move {it} to another date|switch {it}|"
    "adjust {it}|modify {it}",
    "price": "know what {it} costs|find out how much I pay for {it}|get a quote for {it}|learn the price of {it}|"
    "hear what I would be charged for {it}",
    "where": "know where {it} has got to|track {it}|find out the status of {it}|see how far along {it} is|"
    "hear when I can expect {it}|trace {it}",
    "complain": "complain about {it}|report a problem with {it}|say that {it} went wrong|tell you {it} was a disaster|"
    "let you know how unhappy I am with {it}|make a complaint about {it}",
    "extend": "extend {it}|renew {it}|carry on with {it} for another year|prolong {it}|keep {it} going|"
    "add a few weeks to {it}",
}
OBJECTS = {
    "order": "my order|the order|the things I bought|my purchase|what I ordered|the shoes I bought",
    "subscription": "my subscription|my plan|the monthly plan|my membership|the magazine I get|my contract",
    "booking": "my booking|the reservation|our table|my appointment|the room we booked|the visit",
    "repair": "the repair|the fix of my phone|the work on my bike|the servicing|the job in your workshop|"
    "the mending of my coat",
}
WORDS = {
    "hello": ["", "", "hi,", "hello,", "good morning,", "dear team,", "hey there,", "to whom it may concern,"],
    "story": [
        "",
        "",
        "",
        "I have been a customer for {years} years,",
        "I tried the website but it just hangs,",
        "we are moving house,",
        "my daughter is ill,",
        "I am travelling a lot at the moment,",
        "your colleague {name} was very kind,",
        "I called twice,",
        "this is the third time I write,",
        "I saw your advert,",
        "the last few weeks were chaos,",
    ],
    "years": ["two", "three", "ten", "5", "many"],
    "name": ["Anna", "Mr Lee", "Tom", "Ms Okafor", "Priya"],
    "ask": [
        "I would like to {want}",
        "could you help me to {want}",
        "please let me {want}",
        "I want to {want}",
        "is there a way to {want}",
        "how do I {want}",
        "I need to {want}",
        "can I {want}",
        "we have to {want}",
        "I was wondering whether I could {want}",
    ],
    "aside": [
        "",
        "",
        "",
        "{settled} is done already, so no need to look at that",
        "this is not about {other}",
        "{other} is all fine",
        "my wife will write to you about {other} herself",
        "never mind what I said about {other}",
        "I don't want to {otherwant}, just this",
        "last month I asked you to {otherwant}, that worked well",
    ],
    "end": [
        "",
        "",
        "",
        "it's urgent",
        "whenever you have time",
        "please reply by mail",
        "my number is in the file",
        "as soon as possible",
    ],
}


def write(folder, limit=None):
    random = np.random.default_rng(0)
    kinds = [(want, thing) for want in WANTS for thing in OBJECTS]
    rows = {}
    while len(rows) < min(limit or ROWS, ROWS):
        want, thing = kinds[random.integers(len(kinds))]
        filed = kinds[random.integers(len(kinds))] if random.random() < MISFILED else (want, thing)
        rows.setdefault(message(want, thing, random), " ".join(filed))
    frame = pd.DataFrame(rows.items(), columns=["message", "request"])
    return write_parts(folder, frame, share_out(frame.request))


def message(want, thing, random):
    """What somebody writes."""
    other = pick(random, [name for name in OBJECTS if name != thing])
    asked = pick(random, [name for name in WANTS if name != want])
    words = WORDS | {"it": OBJECTS[thing].split("|"), "want": WANTS[want].split("|")}
    others = OBJECTS[other].split("|")
    words |= {
        "other": others,
        "settled": others,
        "otherwant": [w.replace("{it}", "{other}") for w in WANTS[asked].split("|")],
    }
    shape = pick(
        random, ["{hello} {story} {ask}, {aside}, {end}", "{hello} {aside}, {story} {ask}, {end}", "{ask}, {end}"]
    )
    return slip(random, loosely(random, fill_in(random, shape, words).replace(" ,", "").strip(" ,")))


def keras_opponent(train, validation, epochs=30, callbacks=()):
    import keras
    from keras import layers

    split = layers.TextVectorization(5000, output_sequence_length=50)
    split.adapt(train.message.to_numpy(dtype=str))

    def inputs(frame):
        return split(frame.message.to_numpy(dtype=str)).numpy()

    names = sorted(set(train.request))
    labels = layers.StringLookup(vocabulary=names, num_oov_indices=0)
    model = keras.Sequential(
        [
            layers.Input((50,)),
            layers.Embedding(5000, 64),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.5),
            layers.Dense(len(names), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=5, restore_best_weights=True)
    model.fit(
        inputs(train),
        labels(train.request),
        validation_data=(inputs(validation), labels(validation.request)),
        epochs=epochs,
        callbacks=[*callbacks, stop],
    )
    return lambda frame: np.array(names)[model.predict(inputs(frame)).argmax(-1)]


def sklearn_opponent(train, validation):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=10, max_iter=1000)).fit(train.message, train.request)
    return lambda frame: model.predict(frame.message)
