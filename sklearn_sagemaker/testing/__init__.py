"""An emulator of SageMaker on this machine: jobs and endpoints run, AWS is not asked.

moto stands behind it for S3, logs, metrics and roles (extra ``testing``). What is
SageMaker's own is answered here, and executed by the programs of the container.
"""

from sklearn_sagemaker.testing.emulator import SageMakerEmulator

__all__ = ["SageMakerEmulator"]
