"""What the containers take, by AWS's guide and SDK: written down, not derived.

Each line: type, low end, whether it is included, high end, whether it is included,
texts, and the container's default as text (None if it has none).
"""

import re

BINARY, MULTICLASS = "binary_classifier", "multiclass_classifier"
REGRESSOR = "regressor"
INF = float("inf")

COUNT = ("int", 1, True, INF, False)
POSITIVE = ("float", 0, False, INF, False)
FROM_ZERO = ("float", 0, True, INF, False)
SHARE = ("float", 0, False, 1, False)
BELOW_ONE = ("float", 0, True, 1, False)
NUMBER = ("float", -INF, False, INF, False)
TEXT = ("text", None, False, None, False)
FLAG = ("flag", None, False, None, False)
AUTO = ("auto",)

LINEAR = {
    "predictor_type": (*TEXT, (BINARY, MULTICLASS, REGRESSOR), None),
    "feature_dim": (*COUNT, AUTO, "auto"),
    "mini_batch_size": (*COUNT, (), "1000"),
    "num_classes": ("int", 3, True, 1_000_000, True, (), "1"),
    "accuracy_top_k": ("int", 1, True, 1_000_000, True, (), "3"),
    "balance_multiclass_weights": (*FLAG, (), "false"),
    "beta_1": (*BELOW_ONE, AUTO, "auto"),
    "beta_2": (*BELOW_ONE, AUTO, "auto"),
    "bias_lr_mult": (*POSITIVE, AUTO, "auto"),
    "bias_wd_mult": (*FROM_ZERO, AUTO, "auto"),
    "binary_classifier_model_selection_criteria": (
        *TEXT,
        (
            "accuracy",
            "f1",
            "f_beta",
            "precision_at_target_recall",
            "recall_at_target_precision",
            "cross_entropy_loss",
            "loss_function",
        ),
        "accuracy",
    ),
    "early_stopping_patience": (*COUNT, (), "3"),
    "early_stopping_tolerance": (*POSITIVE, (), "0.001"),
    "epochs": (*COUNT, (), "15"),
    "f_beta": (*POSITIVE, (), "1.0"),
    "huber_delta": (*POSITIVE, (), "1.0"),
    "init_bias": (*NUMBER, (), "0.0"),
    "init_method": (*TEXT, ("uniform", "normal"), "uniform"),
    "init_scale": (*POSITIVE, (), "0.07"),
    "init_sigma": (*POSITIVE, (), "0.01"),
    "l1": (*FROM_ZERO, AUTO, "auto"),
    "learning_rate": (*POSITIVE, AUTO, "auto"),
    "loss": (*TEXT, AUTO, "auto"),  # And those of the predictor type.
    "loss_insensitivity": (*POSITIVE, (), "0.01"),
    "lr_scheduler_factor": (*SHARE, AUTO, "auto"),
    "lr_scheduler_minimum_lr": (*POSITIVE, AUTO, "auto"),
    "lr_scheduler_step": (*COUNT, AUTO, "auto"),
    "margin": (*POSITIVE, (), "1.0"),
    "momentum": (*BELOW_ONE, AUTO, "auto"),
    "normalize_data": (*FLAG, AUTO, "true"),
    "normalize_label": (*FLAG, AUTO, "auto"),
    "num_calibration_samples": (*COUNT, AUTO, "10000000"),
    "num_models": (*COUNT, AUTO, "auto"),
    "num_point_for_scaler": (*COUNT, (), "10000"),
    "optimizer": (*TEXT, ("auto", "sgd", "adam", "rmsprop"), "auto"),
    "positive_example_weight_mult": (*POSITIVE, ("auto", "balanced"), "1.0"),
    "quantile": (*SHARE, (), "0.5"),
    "target_precision": (*SHARE, (), "0.8"),
    "target_recall": (*SHARE, (), "0.8"),
    "unbias_data": (*FLAG, AUTO, "auto"),
    "unbias_label": (*FLAG, AUTO, "auto"),
    "use_bias": (*FLAG, (), "true"),
    "use_lr_scheduler": (*FLAG, (), "true"),
    "wd": (*FROM_ZERO, AUTO, "auto"),
}
LOSSES = {
    BINARY: ("logistic", "hinge_loss"),
    MULTICLASS: ("softmax_loss",),
    REGRESSOR: (
        "squared_loss",
        "absolute_loss",
        "eps_insensitive_squared_loss",
        "eps_insensitive_absolute_loss",
        "quantile_loss",
        "huber_loss",
    ),
}

# The guide says "float" of clip_gradient, eps and rescale_grad, and the SDK checks
# nothing; here they are above zero.
METHODS = ("normal", "uniform", "constant")
FACTORS = {
    "predictor_type": (*TEXT, (BINARY, REGRESSOR), None),
    "feature_dim": (*COUNT, (), None),
    "num_factors": (*COUNT, (), None),
    "mini_batch_size": (*COUNT, (), "1000"),
    "epochs": (*COUNT, (), "1"),
    "clip_gradient": (*POSITIVE, (), None),
    "eps": (*POSITIVE, (), None),
    "rescale_grad": (*POSITIVE, (), None),
    "bias_lr": (*FROM_ZERO, (), "0.1"),
    "linear_lr": (*FROM_ZERO, (), "0.001"),
    "factors_lr": (*FROM_ZERO, (), "0.0001"),
    "bias_wd": (*FROM_ZERO, (), "0.01"),
    "linear_wd": (*FROM_ZERO, (), "0.001"),
    "factors_wd": (*FROM_ZERO, (), "0.00001"),
    "bias_init_method": (*TEXT, METHODS, "normal"),
    "linear_init_method": (*TEXT, METHODS, "normal"),
    "factors_init_method": (*TEXT, METHODS, "normal"),
    "bias_init_sigma": (*FROM_ZERO, (), "0.01"),
    "linear_init_sigma": (*FROM_ZERO, (), "0.01"),
    "factors_init_sigma": (*FROM_ZERO, (), "0.001"),
    "bias_init_scale": (*FROM_ZERO, (), None),
    "linear_init_scale": (*FROM_ZERO, (), None),
    "factors_init_scale": (*FROM_ZERO, (), None),
    "bias_init_value": (*NUMBER, (), None),
    "linear_init_value": (*NUMBER, (), None),
    "factors_init_value": (*NUMBER, (), None),
}
TABLES = {"linear-learner": LINEAR, "factorization-machines": FACTORS}
KINDS = {
    "linear-learner": (BINARY, MULTICLASS, REGRESSOR),
    "factorization-machines": (BINARY, REGRESSOR),
}
# What is not in the table of every predictor type.
ONLY = {
    "num_classes": (MULTICLASS,),
    "accuracy_top_k": (MULTICLASS,),
    "balance_multiclass_weights": (MULTICLASS,),
    "binary_classifier_model_selection_criteria": (BINARY,),
    "num_calibration_samples": (BINARY,),
    "positive_example_weight_mult": (BINARY,),
    "target_precision": (BINARY,),
    "target_recall": (BINARY,),
    "margin": (BINARY,),
    "f_beta": (BINARY, MULTICLASS),
    "huber_delta": (REGRESSOR,),
    "loss_insensitivity": (REGRESSOR,),
    "quantile": (REGRESSOR,),
    "normalize_label": (REGRESSOR,),
    "unbias_label": (REGRESSOR,),
}


def lines(algorithm):
    """Predictor type, name and line of everything that a job of it may have."""
    for kind in KINDS[algorithm]:
        for name, line in TABLES[algorithm].items():
            if kind not in ONLY.get(name, (kind,)):
                continue
            if name == "loss":
                line = (*TEXT, (*AUTO, *LOSSES[kind]), "auto")
            yield kind, name, line


def legal(line):
    """Texts that the container takes: all names, ends of ranges and just inside."""
    what, low, low_included, high, high_included, texts, _ = line
    found = list(texts)
    if what == "flag":
        return [*found, "true", "false"]
    if what == "text":
        return found
    step = 1 if what == "int" else 1e-9
    low = -1e6 if low == -INF else low
    found += [_number(low)] if low_included else [_number(low + step)]
    if high == INF:
        found.append("1000000" if what == "int" else "1000000.5")
    else:
        found.append(_number(high) if high_included else _number(high - step))
    return [*found, _number((low + min(high, low + 20)) / 2, what)]


def illegal(line):
    """Texts that it does not take."""
    what, low, low_included, high, high_included, texts, _ = line
    found = ["", "nothing", "Auto", "[]"] if "auto" in texts else ["", "auto", "other"]
    if what == "flag":
        return [*found, "yes", "2", "0.0"]
    if what == "text":
        return [*found, "1"]
    step = 1 if what == "int" else 1e-9
    found += ["nan", "inf", "-inf", "1,5", "0x10", "true"]
    if what == "int":
        found.append("1.5")
    if low != -INF:
        found += [_number(low - step)] + ([] if low_included else [_number(low)])
    if high != INF:
        found += [_number(high + step)] + ([] if high_included else [_number(high)])
    return found


def _number(value, what="float"):
    return str(int(value)) if what == "int" else repr(value)


def accepts(line, text):
    """Whether the container takes a text, by these lines alone."""
    what, low, low_included, high, high_included, texts, _ = line
    if text in texts or (what == "flag" and text in ("true", "false")):
        return True
    pattern = r"\d+" if what == "int" else r"-?\d+(\.\d+)?(e-?\d+)?"
    if what in ("flag", "text") or not re.fullmatch(pattern, text):
        return False
    value = float(text)
    above = value > low or (value == low and low_included)
    return above and (value < high or (value == high and high_included))
