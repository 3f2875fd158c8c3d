"""Names of jobs, and the base in them."""

import re
import threading

import pytest

from sklearn_sagemaker.sagemaker import _names
from sklearn_sagemaker.sagemaker._names import (
    base_from_name,
    base_name_from_image,
    check_name,
    name_from_base,
    name_from_image,
    unique_name_from_base,
)

STAMP = r"\d{4}-\d{2}-\d{2}-\d{2}-\d{2}-\d{2}-\d{3}"


def test_a_name_is_a_base_and_the_time():
    assert re.fullmatch(rf"base-{STAMP}", name_from_base("base"))
    assert re.fullmatch(r"base-\d{6}-\d{4}", name_from_base("base", short=True))
    assert re.fullmatch(r"base-\d{10}-[0-9a-f]{4}", unique_name_from_base("base"))


@pytest.mark.parametrize("make", [name_from_base, unique_name_from_base])
def test_long_bases_are_cut(make):
    name = make("a" * 80)
    assert len(name) == 63
    check_name("training job", name)
    assert len(make("a" * 80, max_length=32)) == 32


def test_no_time_comes_twice(monkeypatch):
    monkeypatch.setattr(_names._clock, "_last", 0)
    monkeypatch.setattr(_names.time, "time_ns", lambda: 1_795_939_200_009_000_000)
    names = []
    threads = [
        threading.Thread(
            target=lambda: names.extend(name_from_base("b") for _ in range(50))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 200
    assert min(names) == "b-2026-11-29-08-00-00-009"
    assert max(names) == "b-2026-11-29-08-00-00-208"


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("linear-learner-2026-11-20-20-24-31-052", "linear-learner"),
        ("base-261120-2024", "base"),
        ("base-2026-11-20-20-24-31-052-more", "base"),
        ("mine", "mine"),
    ],
)
def test_the_base_of_a_name(name, base):
    assert base_from_name(name) == base


@pytest.mark.parametrize(
    "image",
    [
        "382416733822.dkr.ecr.us-east-1.amazonaws.com/linear-learner:1",
        "localhost:5000/team/linear-learner",
        "linear-learner:latest",
    ],
)
def test_the_base_of_an_image(image):
    assert base_name_from_image(image) == "linear-learner"
    assert name_from_image(image).startswith("linear-learner-20")


def test_an_image_of_a_digest_is_its_own_base():
    assert base_name_from_image("") == ""


@pytest.mark.parametrize("name", ["a", "a--b", "A1-2", "a" * 63])
def test_names_that_sagemaker_takes(name):
    check_name("model", name)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("a_b", "'a_b' cannot name a model: letters, digits and, between them"),
        ("a-", "hyphens"),
        ("-a", "hyphens"),
        ("", "hyphens"),
        (None, "None cannot name a model"),
        ("é", "hyphens"),
        ("a\n", "hyphens"),
        ("a" * 64, "it has 64 characters, and 63 are allowed"),
    ],
)
def test_names_that_it_does_not_take(name, match):
    with pytest.raises(ValueError, match=match):
        check_name("model", name)
