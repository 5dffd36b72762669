"""Names of accelerators and strategies that the Trainer looks up in registries, which its source does not list."""

from collections.abc import Iterator

from lighter_config.checks.context import CheckContext
from lighter_config.findings import Finding, Severity
from lighter_config.sections import TRAINER
from lighter_config.suggestions import nearest_names
from lighter_config.tree.references import is_computed, is_copy, literal_text

_DDP = ("ddp", "ddp_spawn", "ddp_fork", "ddp_notebook")

REGISTERED = {
    "accelerator": ("auto", "gpu", "cpu", "cuda", "mps", "tpu", "hpu"),
    "strategy": (
        "auto",
        *_DDP,
        *(f"{name}_find_unused_parameters_{value}" for name in _DDP for value in ("false", "true")),
        *("fsdp", "fsdp_cpu_offload"),
        *("deepspeed", "deepspeed_stage_1", "deepspeed_stage_2", "deepspeed_stage_2_offload", "deepspeed_stage_3"),
        *("deepspeed_stage_3_offload", "deepspeed_stage_3_offload_nvme"),
        *("single_device", "single_tpu", "single_xla", "xla", "xla_debug", "hpu_parallel", "hpu_single"),
    ),
}
"""What Lightning registers itself, and lightning-habana for Intel Gaudi; other packages may register more."""


def check_trainer_names(context: CheckContext) -> Iterator[Finding]:
    """Report a name that is almost a registered one: any other may be another package's."""
    for argument, names in REGISTERED.items():
        value = context.value((TRAINER, argument))
        if not isinstance(value, str) or is_computed(value) or is_copy(value):
            continue
        text = literal_text(value)
        nearest = () if text in names else nearest_names(text, names)
        if nearest:
            yield context.finding(
                (TRAINER, argument),
                f"Lightning has no {argument} {text!r}",
                severity=Severity.WARNING,
                expected=names,
                nearest=nearest,
                fix=f"write {nearest[0]}",
            )
