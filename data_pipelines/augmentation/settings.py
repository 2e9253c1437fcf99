"""What may be asked of the augmentation of a modality."""


def checked_augment(who, augment, known, example):
    """The settings of an `augment` argument.

    Args:
        who: str. The modality, for the message.
        augment: None or dict name → number or bool.
        known: dict name → largest number allowed.
        example: str. What to write instead of a wrong one.
    Raises:
        ValueError: a name that is not known, a number below 0 or above what is allowed.
    """
    augment = dict(augment or {})
    unknown = sorted(set(augment) - set(known))
    if unknown:
        raise ValueError(f"{who}: augment knows {', '.join(known)}. Received: {unknown}. Do: augment={{{example}}}.")
    for name, value in augment.items():
        if not 0 <= value <= known[name]:
            raise ValueError(
                f"{who}: {name} of augment must be from 0 to {known[name]}. Received: {name}={value}. "
                f"Do: augment={{{example}}}."
            )
    return augment
