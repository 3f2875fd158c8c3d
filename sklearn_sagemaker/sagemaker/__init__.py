"""Amazon's cloud: the only folder that imports boto3 (extra ``sagemaker``).

Importing it needs no boto3; what it does asks for it. Today it reads an object of S3
(`s3`). Sessions, jobs, endpoints and the classes of SageMaker's Python SDK v2 will be
here.
"""
