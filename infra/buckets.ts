import { settings } from "./settings.ts"

const { partition } = aws.getPartitionOutput()
const arn = (path: string) => $interpolate`arn:${partition}:s3:::${path}`

type Statement = { actions: string[]; resources: $util.Input<string>[] }

/** The engineer's buckets, and no other. Nothing is ever deleted from them, unfinished uploads apart. */
export const bucketAccess: readonly Statement[] =
  settings.IMAGE_BUCKETS.length === 0
    ? []
    : [
        {
          actions: ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
          resources: settings.IMAGE_BUCKETS.map((bucket) => arn(bucket)),
        },
        {
          actions: ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
          resources: settings.IMAGE_BUCKETS.map((bucket) => arn(`${bucket}/*`)),
        },
      ]
