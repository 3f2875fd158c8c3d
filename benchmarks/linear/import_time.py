"""CPU seconds to import sklearn_sagemaker, against scikit-learn's linear models.

Every import runs in a fresh process; the cases take turns, and a first round that
only warms the disk cache is not counted.
"""

import statistics

from benchmarks.common import (
    Bars,
    add_repeats,
    make_parser,
    print_environment,
    print_table,
    run_code,
)

MAX_EXTRA_SECONDS = 0.1
PEER = "import sklearn.linear_model"
FIRST_USE = "import sklearn_sagemaker; sklearn_sagemaker.LinearLearnerClassifier"
CASES = (
    PEER,
    "import sklearn_sagemaker",
    f"{PEER}, sklearn_sagemaker",
    f"{PEER}; from sklearn_sagemaker import LinearLearnerClassifier",
    FIRST_USE,
)
PROGRAM = """
import time
start = time.process_time()
{statement}
print(time.process_time() - start)
"""


def main() -> None:
    """Print the table and check the bar."""
    parser = make_parser(__doc__, data=False)
    add_repeats(parser, 7, "processes of each case")
    options = parser.parse_args()
    print_environment()
    seconds: dict[str, list[float]] = {case: [] for case in CASES}
    for turn in range(options.repeats + 1):
        for case in CASES:
            taken = run_code(PROGRAM.format(statement=case))
            if turn:
                seconds[case].append(taken)
    median = {case: statistics.median(taken) for case, taken in seconds.items()}
    rows = [
        [
            f"`{case}`",
            f"{median[case]:.3f}",
            f"{min(seconds[case]):.3f}",
            f"{median[case] - median[PEER]:+.3f}",
            f"{median[case] / median[PEER]:.2f}",
        ]
        for case in CASES
    ]
    print_table(["statement", "s (median)", "s (min)", "over the first", "ratio"], rows)
    bars = Bars()
    extra = median[FIRST_USE] - median[PEER]
    bars.at_most("seconds over scikit-learn's import", extra, MAX_EXTRA_SECONDS)
    bars.exit()


if __name__ == "__main__":
    main()
