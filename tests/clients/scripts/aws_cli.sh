#!/usr/bin/env bash
# The AWS CLI, by its reference. Usage: aws_cli.sh PYTHON IMAGE
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=$1
image=$2
aws() { "$python" "$here/aws.py" "$@"; }
bucket=sagemaker-$AWS_REGION-$(aws sts get-caller-identity --query Account --output text)
machines=InstanceType=ml.m5.large,InstanceCount=1,VolumeSizeInGB=1
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"

step() { echo "$1"; }
is() { [ "$1" = "$2" ] || { echo "not $2, but $1" >&2; exit 1; }; }

step "data"
for row in $(seq 60); do echo "$((row % 2)),$((row % 2)).5,$((row % 7))"; done > train.csv
printf '1.5,3\n0.5,4\n' > rows.csv
aws s3 cp --quiet train.csv "s3://$bucket/train/train.csv"
aws s3 sync --quiet . "s3://$bucket/all" --exclude "*" --include rows.csv
is "$(aws s3 ls "s3://$bucket/all/" | awk '{print $4}')" rows.csv

step "a training job"
cat > job.json <<JSON
{"TrainingJobName": "from-cli", "RoleArn": "$SAGEMAKER_ROLE",
 "AlgorithmSpecification": {"TrainingImage": "$image", "TrainingInputMode": "File"},
 "HyperParameters": {"predictor_type": "binary_classifier", "epochs": "2",
   "num_models": "1", "mini_batch_size": "10"},
 "InputDataConfig": [{"ChannelName": "train", "ContentType": "text/csv",
   "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix",
     "S3Uri": "s3://$bucket/train/"}}}],
 "OutputDataConfig": {"S3OutputPath": "s3://$bucket/out"},
 "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
 "StoppingCondition": {"MaxRuntimeInSeconds": 300}}
JSON
aws sagemaker create-training-job --cli-input-json file://job.json > /dev/null
aws sagemaker wait training-job-completed-or-stopped --training-job-name from-cli
is "$(aws sagemaker describe-training-job --training-job-name from-cli \
  --query TrainingJobStatus --output text)" Completed
is "$(aws sagemaker list-training-jobs --name-contains from --status-equals Completed \
  --query 'TrainingJobSummaries[].TrainingJobName' --output text)" from-cli
model=$(aws sagemaker describe-training-job --training-job-name from-cli \
  --query ModelArtifacts.S3ModelArtifacts --output text)
aws s3 cp --quiet "$model" model.tar.gz
tar -tzf model.tar.gz > /dev/null

step "its logs"
stream=$(aws logs describe-log-streams --log-group-name /aws/sagemaker/TrainingJobs \
  --log-stream-name-prefix from-cli/ --query 'logStreams[0].logStreamName' --output text)
aws logs get-log-events --log-group-name /aws/sagemaker/TrainingJobs \
  --log-stream-name "$stream" --start-from-head --query 'events[].message' \
  --output text > logs.txt
grep -q "Docker entrypoint called with argument(s): train" logs.txt
aws logs filter-log-events --log-group-name /aws/sagemaker/TrainingJobs \
  --filter-pattern '"#train_score"' --query 'events[].message' --output text > scores.txt
grep -q binary_classification_accuracy scores.txt

step "an endpoint"
aws sagemaker create-model --model-name from-cli --execution-role-arn "$SAGEMAKER_ROLE" \
  --primary-container "Image=$image,ModelDataUrl=$model" > /dev/null
aws sagemaker create-endpoint-config --endpoint-config-name from-cli \
  --production-variants "VariantName=AllTraffic,ModelName=from-cli,\
InitialInstanceCount=1,InstanceType=ml.m5.large" > /dev/null
aws sagemaker create-endpoint --endpoint-name from-cli \
  --endpoint-config-name from-cli > /dev/null
aws sagemaker wait endpoint-in-service --endpoint-name from-cli
aws sagemaker-runtime invoke-endpoint --endpoint-name from-cli --content-type text/csv \
  --accept application/json --body fileb://rows.csv answer.json > /dev/null
is "$(grep -o predicted_label answer.json | wc -l | tr -d ' ')" 2

step "a batch transform"
aws sagemaker create-transform-job --transform-job-name from-cli --model-name from-cli \
  --transform-input "ContentType=text/csv,SplitType=Line,DataSource={S3DataSource=\
{S3DataType=S3Prefix,S3Uri=s3://$bucket/all/}}" \
  --transform-output "S3OutputPath=s3://$bucket/scores,Accept=application/jsonlines" \
  --transform-resources InstanceType=ml.m5.large,InstanceCount=1 > /dev/null
aws sagemaker wait transform-job-completed-or-stopped --transform-job-name from-cli
aws s3 cp --quiet "s3://$bucket/scores/rows.csv.out" scores.jsonl
is "$(grep -o predicted_label scores.jsonl | wc -l | tr -d ' ')" 2

step "a job that is stopped, one that fails, and a name that is taken"
sed 's/"from-cli"/"stopped"/; s/"epochs": "2"/"epochs": "1000000"/' job.json > long.json
aws sagemaker create-training-job --cli-input-json file://long.json > /dev/null
aws sagemaker stop-training-job --training-job-name stopped
aws sagemaker wait training-job-completed-or-stopped --training-job-name stopped
is "$(aws sagemaker describe-training-job --training-job-name stopped \
  --query TrainingJobStatus --output text)" Stopped
sed 's/"from-cli"/"failing"/; s/"epochs": "2"/"epochs": "none"/' job.json > bad.json
aws sagemaker create-training-job --cli-input-json file://bad.json > /dev/null
! aws sagemaker wait training-job-completed-or-stopped --training-job-name failing 2> said
grep -q "terminal failure state" said
aws sagemaker describe-training-job --training-job-name failing \
  --query FailureReason --output text | grep -q epochs
! aws sagemaker create-training-job --cli-input-json file://job.json 2> said
grep -q ResourceInUse said

step "deletion"
aws sagemaker delete-endpoint --endpoint-name from-cli
aws sagemaker wait endpoint-deleted --endpoint-name from-cli
aws sagemaker delete-endpoint-config --endpoint-config-name from-cli
aws sagemaker delete-model --model-name from-cli
is "$(aws sagemaker list-endpoints --query 'length(Endpoints)')" 0
is "$(aws sagemaker list-models --query 'length(Models)')" 0
aws s3 rm --quiet --recursive "s3://$bucket/all"
