"""Write the registries of losses and optimizers as C, for ``setup.py``.

This module and the two registries are loaded by path at build time, before
the package itself can be imported.
"""

from __future__ import annotations

import json

_LOSS_ARGUMENTS = (
    "n, z, label, weight, loss_weight, shift, scale, parameter, total",
    "ptrdiff_t n, REAL *z, REAL label, REAL weight, REAL loss_weight, "
    "const REAL *shift, const REAL *scale, const REAL *parameter, REAL *total",
)
_LOSS_ROWS_ARGUMENTS = (
    "n, z, label, weight, loss_weight, shift, scale, parameter, total",
    "ptrdiff_t n, REAL *z, const REAL *label, const REAL *weight, "
    "const REAL *loss_weight, REAL shift, REAL scale, REAL parameter, REAL *total",
)
_UPDATES = {
    "dense": (
        "n_features, n, ld, w, g, s0, s1, rate, wd, l1, scale, n_kinds, kinds, strip, "
        "c1, c2, constants",
        "ptrdiff_t n_features, ptrdiff_t n, ptrdiff_t ld, REAL *w, const REAL *g, "
        "REAL *s0, REAL *s1, const REAL *rate, const REAL *wd, const REAL *l1, "
        "const REAL *scale, ptrdiff_t n_kinds, const int32_t *kinds, REAL *strip, "
        "const REAL *c1, const REAL *c2, const REAL *constants",
    ),
    "single": (
        "n_touched, touched, w, g, s0, s1, rate, wd, l1, scale, boost, count, table1, "
        "table2, n_table, constants",
        "ptrdiff_t n_touched, const int32_t *touched, REAL *w, const REAL *g, "
        "REAL *s0, REAL *s1, const REAL *rate, const REAL *wd, const REAL *l1, "
        "const REAL *scale, const REAL *boost, const int32_t *count, "
        "const REAL *table1, const REAL *table2, ptrdiff_t n_table, "
        "const REAL *constants",
    ),
    "columns": ("steps, t0, t1", "const Steps *steps, ptrdiff_t t0, ptrdiff_t t1"),
    "column": (
        "n, w, g, s0, s1, rate, wd, l1, scale, c1, c2, constants",
        "ptrdiff_t n, REAL *w, const REAL *g, REAL *s0, REAL *s1, const REAL *rate, "
        "const REAL *wd, const REAL *l1, const REAL *scale, const REAL *c1, "
        "const REAL *c2, const REAL *constants",
    ),
}


def _dispatch(prefix, ids, arguments, parameters):
    cases = "".join(
        f"    case {number}: FN({prefix}_{name})({arguments}); break;\n"
        for name, number in ids.items()
    )
    return (
        f"static void FN({prefix})(int id, {parameters}) {{\n"
        f"  switch (id) {{\n{cases}    default: break;\n  }}\n}}\n"
    )


def loss_lines(losses) -> tuple[str, ...]:
    """What compiled kernels and the registry of losses must agree on, in order."""
    return tuple(
        f"{loss.name}: coupled={int(loss.coupled)} {loss.c_value}; {loss.c_gradient}"
        for loss in losses.values()
    )


def optimizer_lines(optimizers) -> tuple[str, ...]:
    """What compiled kernels and the registry of optimizers must agree on, in order."""
    return tuple(
        f"{optimizer.name}: states={optimizer.n_states} "
        f"own_decay={int(optimizer.own_decay)} {optimizer.c_step}"
        for optimizer in optimizers.values()
    )


def _macro(name, lines) -> str:
    """The lines as a C string; headers are read once for each precision."""
    # JSON escapes as C does.
    texts = " ".join(json.dumps(f"{line}\n") for line in lines)
    return f"#define {name} {texts}\n"


def losses_header(losses) -> str:
    """C source of every elementwise loss and of the switch between them."""
    lines, ids = [_macro("SS_LOSSES", loss_lines(losses))], {}
    for number, loss in enumerate(losses.values()):
        if loss.coupled:
            continue
        ids[loss.name] = number
        lines.append(
            f"SS_DEFINE_LOSS({loss.name}, ({loss.c_value}), ({loss.c_gradient}))\n"
            f"SS_DEFINE_LOSS_ROWS({loss.name}, ({loss.c_value}), "
            f"({loss.c_gradient}))\n"
        )
    return (
        "".join(lines)
        + _dispatch("loss", ids, *_LOSS_ARGUMENTS)
        + _dispatch("lossrows", ids, *_LOSS_ROWS_ARGUMENTS)
    )


def optimizers_header(optimizers) -> str:
    """C source of every optimizer's step and of the switches between them."""
    lines, ids = [_macro("SS_OPTIMIZERS", optimizer_lines(optimizers))], {}
    for number, optimizer in enumerate(optimizers.values()):
        if optimizer.own_decay:
            continue
        ids[optimizer.name] = number
        lines.append(
            f"SS_DEFINE_OPTIMIZER({optimizer.name}, {optimizer.n_states}, "
            f"{{{optimizer.c_step}}})\nSS_DEFINE_UPDATES({optimizer.name})\n"
            f"SS_DEFINE_COLUMNS({optimizer.name})\n"
        )
    for prefix, (arguments, parameters) in _UPDATES.items():
        lines.append(_dispatch(prefix, ids, arguments, parameters))
    return "".join(lines)


_FACTOR_UPDATES = {
    "factor_row": (
        "n, values, columns, linear, factors, shape, slopes, sums, linear_rule, "
        "factor_rule",
        "ptrdiff_t n, const REAL *values, const int32_t *columns, REAL *linear, "
        "REAL *factors, const ptrdiff_t *shape, const REAL *slopes, "
        "const REAL *sums, const REAL *linear_rule, const REAL *factor_rule",
    ),
    "factor_apply": (
        "n, weights, gradient, distance, rule",
        "ptrdiff_t n, REAL *weights, const REAL *gradient, ptrdiff_t distance, "
        "const REAL *rule",
    ),
}


def factor_optimizers_header(optimizers) -> str:
    """C source of every optimizer's step on a factorization machine."""
    lines = []
    for optimizer in optimizers.values():
        # They have no l1 penalty, and a threshold of zero is not free.
        step = optimizer.c_step.replace("FN(soft_threshold)", "SS_NO_THRESHOLD")
        decays = 0 if optimizer.own_decay else 1
        lines.append(
            f"SS_DEFINE_FACTOR_UPDATES({optimizer.name}, {optimizer.n_states}, "
            f"{decays}, {{{step}}})\n"
        )
    ids = {name: number for number, name in enumerate(optimizers)}
    for prefix, (arguments, parameters) in _FACTOR_UPDATES.items():
        lines.append(_dispatch(prefix, ids, arguments, parameters))
    return "".join(lines)
