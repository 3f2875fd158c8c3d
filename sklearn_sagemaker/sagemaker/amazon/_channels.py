"""Record sets: where records are, and how many, for one channel of a job."""

from __future__ import annotations

from sklearn_sagemaker.sagemaker.inputs import FileSystemInput, TrainingInput


class RecordSet:
    """Records on S3, for one channel of a job.

    Parameters
    ----------
    s3_data : str
        A manifest or a prefix.
    num_records : int
    feature_dim : int
    s3_data_type : {"ManifestFile", "S3Prefix"}, default="ManifestFile"
    channel : str, default="train"
    distribution : {"ShardedByS3Key", "FullyReplicated"}, default="ShardedByS3Key"
    """

    def __init__(
        self,
        s3_data: str,
        num_records: int,
        feature_dim: int,
        s3_data_type: str = "ManifestFile",
        channel: str = "train",
        distribution: str = "ShardedByS3Key",
    ):
        self.s3_data = s3_data
        self.num_records = num_records
        self.feature_dim = feature_dim
        self.s3_data_type = s3_data_type
        self.channel = channel
        self.distribution = distribution

    def __repr__(self) -> str:
        return (
            f"RecordSet({self.s3_data!r}, num_records={self.num_records}, "
            f"feature_dim={self.feature_dim}, channel={self.channel!r})"
        )

    def data_channel(self) -> dict[str, TrainingInput]:
        """The channel's name, and what it reads."""
        return {self.channel: self.records_s3_input()}

    def records_s3_input(self) -> TrainingInput:
        """What the channel reads."""
        return TrainingInput(
            self.s3_data,
            distribution=self.distribution,
            s3_data_type=self.s3_data_type,
        )


class FileSystemRecordSet:
    """Records on a file system, for one channel of a job.

    Parameters
    ----------
    file_system_id : str
    file_system_type : {"EFS", "FSxLustre"}
    directory_path : str
    num_records : int
    feature_dim : int
    file_system_access_mode : {"ro", "rw"}, default="ro"
    channel : str, default="train"
    """

    def __init__(
        self,
        file_system_id: str,
        file_system_type: str,
        directory_path: str,
        num_records: int,
        feature_dim: int,
        file_system_access_mode: str = "ro",
        channel: str = "train",
    ):
        self.file_system_input = FileSystemInput(
            file_system_id, file_system_type, directory_path, file_system_access_mode
        )
        self.num_records = num_records
        self.feature_dim = feature_dim
        self.channel = channel

    def __repr__(self) -> str:
        return (
            f"FileSystemRecordSet({self.file_system_input.config}, num_records="
            f"{self.num_records}, feature_dim={self.feature_dim}, "
            f"channel={self.channel!r})"
        )

    def data_channel(self) -> dict[str, FileSystemInput]:
        """The channel's name, and what it reads."""
        return {self.channel: self.file_system_input}
