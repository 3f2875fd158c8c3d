"""What one of the examples promises; `make docs` runs all of them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
MOVIE_RATINGS = EXAMPLES / "movie_ratings.py"


def run(example, folder):
    """What an example prints when it is started in a folder."""
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.slow
def test_films_are_recommended_by_hidden_tastes(tmp_path):
    out = run(MOVIE_RATINGS, tmp_path)
    assert "made up with a fixed seed" in out
    errors = re.findall(r"^([a-zA-Z ]+?)  +(\d\.\d{4})$", out, re.MULTILINE)
    assert [name for name, _ in errors] == [
        "the mean of all ratings",
        "LinearLearnerRegressor",
        "FactorizationMachinesRegressor",
        "the hidden tastes",
    ]
    mean, linear, factors, truth = (float(error) for _, error in errors)
    assert truth < factors < truth + 0.1 < linear < mean

    # The best first, and truly good ones among what the user has not rated.
    row = r"^  (\d\.\d\d)  .* \(hidden taste (\d\.\d\d), number (\d+) of (\d+)\)$"
    users = out.split("\nuser ")[1:]
    assert len(users) == 3
    for user in users:
        films = [tuple(map(float, found)) for found in re.findall(row, user, re.M)]
        assert len(films) == 5
        assert films == sorted(films, key=lambda film: -film[0])
        rated = int(re.match(r"\d+ has rated (\d+) films", user)[1])
        for _, _, rank, count in films:
            assert count == 240 - rated
            assert rank < count / 5
    assert not list(tmp_path.iterdir())
