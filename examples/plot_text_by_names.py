"""
Text, and the words behind a model
==================================

Hashed words make a million columns without a vocabulary, of which a fit needs those
that texts have. Where names are wanted, TF-IDF keeps them, and ``coef_frame`` shows
what each word is worth.
"""

# %%
# The data
# --------
# Reviews that are made up with a fixed seed: words that everybody uses, some that go
# with praise, some that go with complaint, and not every reviewer is of one mind.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_sagemaker import LinearLearnerClassifier

PRAISE, COMPLAINT, COMMON = (
    words.split()
    for words in (
        "splendid moving clever warm funny brilliant graceful vivid",
        "dull tedious flat clumsy hollow noisy predictable overlong",
        "the film plot actor scene music end story camera cast",
    )
)
rng = np.random.default_rng(0)
rare = np.array([f"word{number}" for number in range(4000)])


def review(liked):
    praise = rng.binomial(3, 0.7 if liked else 0.35)
    words = [
        *rng.choice(COMMON, 12),
        *rare[rng.zipf(1.3, 20) % len(rare)],
        *rng.choice(PRAISE, praise),
        *rng.choice(COMPLAINT, 3 - praise),
    ]
    return " ".join(rng.permutation(words))


labels = rng.choice(["good", "bad"], 4000)
texts = [review(label == "good") for label in labels]
texts, test_texts, labels, test_labels = train_test_split(texts, labels, random_state=0)
print(texts[0][:72], "...")

# %%
# Hashed
# ------
# A million columns, most of them empty. No vocabulary is kept, and a word that is new
# has its column too.

hashed = make_pipeline(
    HashingVectorizer(n_features=2**20), LinearLearnerClassifier(random_state=0)
)
began = time.process_time()
hashed.fit(texts, labels)
print(f"{time.process_time() - began:.1f} s of CPU time")
print(f"accuracy {hashed.score(test_texts, test_labels):.3f}")
weights = hashed[-1].coef_
print(f"{weights.size:,} coefficients, of which {np.count_nonzero(weights):,} not zero")

# %%
# By name
# -------
# The vectorizer knows its words; the coefficients follow. ``l1`` keeps few of them.

named = make_pipeline(
    TfidfVectorizer(), LinearLearnerClassifier(wd=0.0, l1=3e-3, random_state=0)
)
named.fit(texts, labels)
print(f"accuracy {named.score(test_texts, test_labels):.3f}")
names = named[:-1].get_feature_names_out()
words = named[-1].coef_frame(feature_names=names)
print(words.head(16))

# %%
# What the words say
# ------------------
# Above zero they speak for ``classes_[1]``, which is "good".

worth = words["coef"].head(16).sort_values()
figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
axes.barh(worth.index, worth, color=np.where(worth > 0, "tab:blue", "tab:orange"))
axes.axvline(0, color="0.3", linewidth=0.8)
axes.set(xlabel=f"log-odds of '{named.classes_[1]}' for one unit of TF-IDF")
axes.set_title("The largest coefficients")
axes.spines[["top", "right", "left"]].set_visible(False)
axes.tick_params(left=False)
plt.show()
