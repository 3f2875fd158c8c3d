#!/usr/bin/env bash
# The AWS CLI: kinds of endpoints, warm pools, pipelines. Usage: PYTHON IMAGE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1
image=$2
aws() { "$python" "$here/aws.py" "$@"; }
bucket=sagemaker-$AWS_REGION-$(aws sts get-caller-identity --query Account --output text)
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"

step() { echo "$1"; }
is() { [ "$1" = "$2" ] || { echo "not $2, but $1" >&2; exit 1; }; }
until_there() { until aws s3 ls "$1" > /dev/null; do sleep 0.2; done; }

step "a training job that keeps its instances"
for row in $(seq 60); do echo "$((row % 2)),$((row % 2)).5,$((row % 7))"; done > train.csv
printf '1.5,3\n0.5,4\n' > rows.csv
aws s3 cp --quiet train.csv "s3://$bucket/train/train.csv"
aws s3 cp --quiet rows.csv "s3://$bucket/in/rows.csv" --content-type text/csv
cat > arguments.json <<JSON
{"RoleArn": "$SAGEMAKER_ROLE",
 "AlgorithmSpecification": {"TrainingImage": "$image", "TrainingInputMode": "File"},
 "HyperParameters": {"predictor_type": "binary_classifier", "epochs": "2",
   "num_models": "1", "mini_batch_size": "10"},
 "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv",
   "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
     "S3Uri": "s3://$bucket/train/"}}}],
 "OutputDataConfig": {"S3OutputPath": "s3://$bucket/out"},
 "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1,
   "VolumeSizeInGB": 1, "KeepAlivePeriodInSeconds": 600},
 "StoppingCondition": {"MaxRuntimeInSeconds": 300}}
JSON
aws sagemaker create-training-job --training-job-name warm \
  --cli-input-json file://arguments.json > /dev/null
aws sagemaker wait training-job-completed-or-stopped --training-job-name warm
pool() { aws sagemaker describe-training-job --training-job-name warm \
  --query WarmPoolStatus.Status --output text; }
is "$(pool)" Available
aws sagemaker update-training-job --training-job-name warm \
  --resource-config KeepAlivePeriodInSeconds=0 > /dev/null
is "$(pool)" Terminated
model=$(aws sagemaker describe-training-job --training-job-name warm \
  --query ModelArtifacts.S3ModelArtifacts --output text)
aws sagemaker create-model --model-name warm --execution-role-arn "$SAGEMAKER_ROLE" \
  --primary-container "Image=$image,ModelDataUrl=$model" > /dev/null

step "a serverless endpoint"
endpoint() {
  aws sagemaker create-endpoint-config --endpoint-config-name "$1" "${@:2}" > /dev/null
  aws sagemaker create-endpoint --endpoint-name "$1" --endpoint-config-name "$1" > /dev/null
  aws sagemaker wait endpoint-in-service --endpoint-name "$1"
}
endpoint serverless --production-variants "VariantName=a,ModelName=warm,\
ServerlessConfig={MemorySizeInMB=1024,MaxConcurrency=1}"
invoke() { aws sagemaker-runtime invoke-endpoint --endpoint-name "$1" --content-type \
  text/csv --accept application/json --body fileb://rows.csv "${@:2}" answer.json; }
invoke serverless > /dev/null
is "$(grep -o predicted_label answer.json | wc -l | tr -d ' ')" 2
cp answer.json first.json

step "an asynchronous one"
machines=InitialInstanceCount=1,InstanceType=ml.m5.large
endpoint async --production-variants "VariantName=a,ModelName=warm,$machines" \
  --async-inference-config "OutputConfig={S3OutputPath=s3://$bucket/answers}"
output=$(aws sagemaker-runtime invoke-endpoint-async --endpoint-name async --accept \
  application/json --input-location "s3://$bucket/in/rows.csv" \
  --query OutputLocation --output text)
until_there "$output"
aws s3 cp --quiet "$output" answer.json
cmp answer.json first.json

step "variants and capture"
endpoint several --production-variants "VariantName=a,ModelName=warm,$machines" \
  "VariantName=b,ModelName=warm,$machines" --data-capture-config \
  "InitialSamplingPercentage=100,DestinationS3Uri=s3://$bucket/captured,\
CaptureOptions=[{CaptureMode=Input}]"
is "$(invoke several --target-variant b --query InvokedProductionVariant --output text)" b
until_there "s3://$bucket/captured/several/b/"
aws sagemaker update-endpoint-weights-and-capacities --endpoint-name several \
  --desired-weights-and-capacities VariantName=a,DesiredWeight=0 > /dev/null
aws sagemaker wait endpoint-in-service --endpoint-name several
for _ in 1 2 3; do
  is "$(invoke several --query InvokedProductionVariant --output text)" b
done

step "a pipeline"
cat > definition.json <<JSON
{"Version": "2020-12-01", "Parameters": [], "Steps": [
  {"Name": "Train", "Type": "Training", "Arguments": $(cat arguments.json)},
  {"Name": "Register", "Type": "RegisterModel", "Arguments": {
    "ModelPackageGroupName": "cli", "ModelApprovalStatus": "Approved",
    "InferenceSpecification": {
      "Containers": [{"Image": "$image", "ModelDataUrl":
        {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}}],
      "SupportedContentTypes": ["text/csv"],
      "SupportedResponseMIMETypes": ["application/json"]}}}]}
JSON
aws sagemaker create-pipeline --pipeline-name cli --role-arn "$SAGEMAKER_ROLE" \
  --pipeline-definition "$(cat definition.json)" > /dev/null
execution=$(aws sagemaker start-pipeline-execution --pipeline-name cli \
  --query PipelineExecutionArn --output text)
status() { aws sagemaker describe-pipeline-execution --pipeline-execution-arn \
  "$execution" --query PipelineExecutionStatus --output text; }
while [ "$(status)" = Executing ]; do sleep 0.2; done
is "$(status)" Succeeded
package=$(aws sagemaker list-pipeline-execution-steps --pipeline-execution-arn \
  "$execution" --query 'PipelineExecutionSteps[0].Metadata.RegisterModel.Arn' --output text)
aws sagemaker create-model --model-name package --execution-role-arn "$SAGEMAKER_ROLE" \
  --containers "ModelPackageName=$package" > /dev/null
endpoint package --production-variants "VariantName=a,ModelName=package,$machines"
invoke package > /dev/null
cmp answer.json first.json
