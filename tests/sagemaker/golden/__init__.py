"""What SageMaker's SDK v2 sends, recorded, for the tests that we send the same."""
