"""What runs in a SageMaker job or endpoint, and beside SageMaker on any machine."""
