import type { Context } from "../context.ts"
import type { Operation } from "../http/operation.ts"
import type { Call, Reply } from "../http/reply.ts"
import { getObjectAttributes } from "./attributes.ts"
import {
  createBucket,
  deleteBucket,
  getBucketLocation,
  getBucketVersioning,
  headBucket,
  listBuckets,
} from "./buckets.ts"
import { completeUpload } from "./complete-upload.ts"
import { copyObject } from "./copy-object.ts"
import { createUpload } from "./create-upload.ts"
import { deleteObject } from "./delete-object.ts"
import { deleteObjects } from "./delete-objects.ts"
import { getObject } from "./get-object.ts"
import { listObjects, listObjectsV2 } from "./list-objects.ts"
import { abortUpload, listParts } from "./list-parts.ts"
import { listUploads } from "./list-uploads.ts"
import { putObject } from "./put-object.ts"
import { deleteObjectTagging, getObjectTagging, putObjectTagging } from "./tagging.ts"
import { uploadPart } from "./upload-part.ts"
import { uploadPartCopy } from "./upload-part-copy.ts"

export const handlers: Readonly<Record<Operation, (context: Context, call: Call) => Reply | Promise<Reply>>> =
  {
    ListBuckets: listBuckets,
    CreateBucket: createBucket,
    HeadBucket: headBucket,
    DeleteBucket: deleteBucket,
    GetBucketLocation: getBucketLocation,
    GetBucketVersioning: getBucketVersioning,
    ListObjects: listObjects,
    ListObjectsV2: listObjectsV2,
    DeleteObjects: deleteObjects,
    ListMultipartUploads: listUploads,
    PutObject: putObject,
    CopyObject: copyObject,
    GetObject: getObject,
    HeadObject: getObject,
    DeleteObject: deleteObject,
    GetObjectAttributes: getObjectAttributes,
    GetObjectTagging: getObjectTagging,
    PutObjectTagging: putObjectTagging,
    DeleteObjectTagging: deleteObjectTagging,
    CreateMultipartUpload: createUpload,
    UploadPart: uploadPart,
    UploadPartCopy: uploadPartCopy,
    CompleteMultipartUpload: completeUpload,
    AbortMultipartUpload: abortUpload,
    ListParts: listParts,
  }
