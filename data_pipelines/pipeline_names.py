"""Which names a pipeline's inputs and targets may have."""

from data_pipelines.naming import MASK, TARGET, plain_name, title_of

PRESENT = "_present"  # what an exported model gives for every input


def check_parts(inputs, targets):
    """Refuses names that a batch cannot have, and modalities that stand on the wrong side.

    Args:
        inputs: dict name → modality.
        targets: dict name → modality.
    Raises:
        ValueError: such a name or modality, or no input.
    """
    if not inputs:
        raise ValueError("Pipeline: there must be an input. Received: inputs={}. Do: inputs={'photo': Image()}.")
    for name in (*inputs, *targets):
        twice = name in inputs and name in targets
        if name.endswith(MASK) or plain_name(name) != name or twice:
            raise ValueError(
                "Pipeline: a name must be ASCII letters, digits, '_', '-' and '.', must not end in '_mask', and "
                f"must be an input or a target. Received: {name!r}. Do: another name, and Text(column={name!r})."
            )
        if name + TARGET in {*inputs, *targets}:
            raise ValueError(
                "Pipeline: a name and '_target' is what a model calls a label that it is shown. "
                f"Received: {name!r} and {name + TARGET!r}. Do: another name, and Text(column={name + TARGET!r})."
            )
    for name, modality in inputs.items():
        if not modality.as_input:
            raise ValueError(
                f"Pipeline: {type(modality).__name__} with these arguments is an answer, not an input. "
                f'Received: inputs["{name}"]. Do: targets={{"{name}": …}}.'
            )
    for name, modality in targets.items():
        if not modality.as_target:
            raise ValueError(
                f'Pipeline: {type(modality).__name__} cannot be a target yet. Received: targets["{name}"]. '
                "Do: use it as an input."
            )


def check_answers(inputs, targets):
    """Refuses targets whose answers would bear the name of another answer, which one of them would take the place of.

    Args:
        inputs: dict name → modality.
        targets: dict name → modality.
    Raises:
        ValueError: there are two of one name.
    """
    extra = {
        title_of(name, m.column) + PRESENT: f"says whether {title_of(name, m.column)!r} is there"
        for name, m in inputs.items()
    }
    for name, modality in targets.items():
        title = title_of(name, modality.column)
        extra |= {title + ending: f"belongs to the target {title!r}" for ending in modality.answers_too}
    for name, modality in targets.items():
        title = title_of(name, modality.column)
        if title in extra:
            raise ValueError(
                "Pipeline: every answer must have a name of its own. Received: the target "
                f"{title!r}, and {title!r} that {extra[title]}. Do: rename the column, or "
                f"targets={{'{name}_2': {type(modality).__name__}(column={modality.columns(name)[0]!r})}}."
            )
