"""Amazon's algorithms: estimators, models, predictors, and the records that they read."""
