"""Linear Learner: a training run."""
