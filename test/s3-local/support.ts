import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3"
import { onTestFinished } from "vitest"
import { type S3, type S3Options, startS3 } from "../../packages/s3-local/src/index.ts"

export const bucket = "photos"

/** A server with one bucket, to be closed by whoever asked for it. */
export const fresh = (options: S3Options = {}): Promise<S3> =>
  startS3({ port: 0, accessKeyId: "AKIDLOCAL", secretAccessKey: "secret", buckets: [bucket], ...options })

/** A server of this test's own, with one bucket; stopped when the test is over. */
export async function server(options: S3Options = {}): Promise<S3> {
  const s3 = await fresh(options)
  onTestFinished(() => s3.close())
  return s3
}

/** The AWS SDK against it; no retries, so that a test sees each answer. To be destroyed by whoever asked for it. */
export function sdkOf(s3: S3, config: S3ClientConfig = {}): S3Client {
  const { accessKeyId, secretAccessKey, region, url } = s3
  return new S3Client({
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
    ...config,
  })
}

/** The same, for this test. */
export function sdk(s3: S3, config: S3ClientConfig = {}): S3Client {
  const client = sdkOf(s3, config)
  onTestFinished(() => client.destroy())
  return client
}

export type Refusal = { readonly status: number | undefined; readonly code: string }

/** How a call was refused: `{ status, code }`; throws where it was not refused. */
export async function refusal(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof Error)) throw new Error("The call was not refused.")
  const { $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
  return { status: $metadata?.httpStatusCode, code: error.name }
}

/** Bytes that are the same in every run and compress badly. */
export function bytes(length: number, seed = 1): Buffer {
  const out = Buffer.alloc(length)
  let state = seed >>> 0 || 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    out[at] = state >>> 24
  }
  return out
}
