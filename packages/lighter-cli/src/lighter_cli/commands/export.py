"""``lighter export``: write the trained network of a run for other programs."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from lighter_cli.terminal import output, process
from lighter_cli.terminal.output import PATH
from lighter_config import Finding, Place, SourceError, load

Format = Literal["state_dict", "safetensors", "torchscript", "torch.export", "onnx"]


def export(
    run: Annotated[str, Parameter(help="The folder of a run, its name or id, or a checkpoint that Lighter wrote.")],
    /,
    *,
    format_: Annotated[Format, Parameter(name="--format", help="The format of the file.")] = "state_dict",
    file: Annotated[
        str | None,
        Parameter(name=["--output", "-o"], help="The file to write; by default it has the name of the run."),
    ] = None,
    shapes: Annotated[
        list[str] | None,
        Parameter(
            name="--input",
            negative=(),
            help="The shape of an input, the batch first: 1,3,32,32, or 1,128:int64; once for each input.",
        ),
    ] = None,
    safe: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Refuse targets outside a list, as the stages do.")
    ] = False,
    allow: Annotated[
        list[str] | None, Parameter(negative=(), help="With --safe: allow this callable or package too.")
    ] = None,
    traceback: Annotated[
        bool, Parameter(negative=(), show_default=False, help="Show every frame when something fails.")
    ] = False,
) -> None:
    """Write the trained network of a run, and compare the file with the network on the same input."""
    process.show_full_tracebacks(traceback)
    if shapes is None and format_ in ("torchscript", "torch.export", "onnx"):
        raise SourceError(
            Finding(
                message=f"--format {format_} records what the network does with an input: --input is missing",
                place=Place("option --format"),
                excerpt=format_,
                expected=("the shape of an input, with the batch first",),
                fix="add it, such as --input 1,3,32,32 for an image",
            )
        )
    from lighter_cli.inspecting.merged_inputs import parse_words
    from lighter_cli.project import make_working_directory_importable
    from lighter_cli.running.trained_network import trained_network

    make_working_directory_importable()
    config = load(parse_words([run]))
    network = trained_network(config, safe=safe, allow=allow or ())
    from lighter_cli.exporting.example_inputs import example_input
    from lighter_cli.exporting.export import export_network
    from lighter_cli.exporting.formats import FORMATS

    target = Path(file or Path(config.words[0]).resolve().stem + FORMATS[format_].suffix)
    inputs = [example_input(shape) for shape in shapes or ()]
    compared = export_network(network, format_, target, inputs)
    what = "outputs" if inputs else "weights"
    replacement = FORMATS[format_].replacement
    batch = {True: "batches of any size", False: "batches of this size only", None: ""}[compared.takes_any_batch]
    output.write_lines(
        [
            [(str(target), PATH)],
            *output.rows(
                [
                    ("compared", f"{what} differ from the network's by at most {compared.difference:.3g}"),
                    (f"largest {what[:-1]}", f"{compared.largest:.3g}"),
                    *([("takes", batch)] if batch else []),
                    *([("deprecated", f"by torch: use --format {replacement} for new files")] if replacement else []),
                ]
            ),
        ]
    )
