"""The command line ``sklearn-sagemaker``, one module a command."""
