"""The function of backend `c` that makes the next slice of a run."""

from __future__ import annotations

from mnc.backends.c_run import begin_run, end_run, locals_of_run, run_parameters, unread, where_weights
from mnc.backends.in_slices import remarks, step_body
from mnc.backends.layer import parameter_names
from mnc.backends.memory import counters
from mnc.backends.turns import FED, no_counts
from mnc.backends.unit import Unit
from mnc.backends.writer import Writer, joined
from mnc.plan.liveness import Plan
from mnc.program import Program, Slices


def step_macros(w: Writer, program: Program, plan: Plan, upper: str) -> None:
    """The numbers that a header tells of slices."""
    if not program.sliced:
        return
    sizes = list(Slices(program, plan.stages).sizes)
    w("/** Slices of a run, and the operations of the largest one: multiply-accumulate operations,")
    w(" * or the elements of the largest value of a layer that has none. */")
    w(f"#define {upper}_STEPS {len(sizes)}")
    w(f"#define {upper}_STEP_MACS {max(sizes)}")


def declare_step(w: Writer, program: Program, plan: Plan, name: str) -> None:
    """The declaration, with all that a caller has to know."""
    if not program.sliced:
        return
    inputs = parameter_names("input", len(program.graph.inputs))
    outputs = parameter_names("output", len(program.graph.outputs))
    w(f"/** Make the next slice of a run: {name.upper()}_STEPS calls give what {name}_run gives.")
    for line in remarks(program, plan):
        w(f" * {line}")
    w(f" * The first slice begins a run, and so does the one behind a run's last; {name}_init, and")
    w(f" * {name}_run as well, give up a run that is not at its end.")
    if program.state_bytes:
        w(f" * Then only {name}_init leaves states as they are before the first run.")
    w(f" * @param net the memory, after {name}_init")
    for which in inputs:
        role = "which is read in the first slice" if program.feed == "owned" else "and the same in all slices of a run"
        w(f" * @param {which} as for {name}_run, {role}")
    for which in outputs:
        w(f" * @param {which} as for {name}_run, and the same in all slices of a run; whole behind the last")
    w(" * @return 1 if there is more to do, 0 if that was the last slice and the outputs are there */")
    w.lines(f"int {name}_step({run_parameters(program, name)});")
    w()


def step_source(w: Writer, program: Program, plan: Plan, pieces: Unit, name: str, *, trace: bool) -> None:
    """The function, and that which makes all slices of a run."""
    kept, count = program.held(name).kept, counters(program, plan)
    begins = program.timed or program.feed == "owned"
    w.lines(f"int {name}_step({run_parameters(program, name)})")
    with w.block():
        locals_of_run(w, program, plan, name)
        w(f"short *const {FED} = {kept}{FED};")
        w("int more = 0;")
        if begins or Slices(program, plan.stages).position > 1:
            w("int i;")
        if begins:
            w("int begun = 0;")
        w()
        unread(w, program)
        with where_weights(w, program):
            step_body(
                w,
                program,
                pieces,
                Slices(program, plan.stages).position,
                (lambda: begin_run(w, program, pieces)) if begins else None,
                lambda: end_run(w, program, pieces, kept),
                trace=trace,
            )
        w("return more;")
    w()
    inputs, outputs = (
        parameter_names(kind, len(values))
        for kind, values in (("input", program.graph.inputs), ("output", program.graph.outputs))
    )
    given = joined(["net", *inputs, *outputs])
    w.lines(f"void {name}_run({run_parameters(program, name)})")
    with w.block():
        w("int i;")
        w()
        no_counts(w, count, kept)
        w.lines(f"while ({name}_step({given}) != 0) {{")
        w("}")
