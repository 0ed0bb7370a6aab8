import { parseArgs } from "node:util"
import { startS3 } from "./start.ts"

const usage = `Usage: s3-local [options]

  --port N        port to listen on (default 9000; 0 takes any)
  --host ADDRESS  address to listen on (default 127.0.0.1)
  --dir DIR       keep everything on disk (default: in memory)
  --bucket NAME   a bucket to make at the start; may be repeated
  --region NAME   default us-east-1
  --fault-api     faults can be switched on by HTTP, at /_s3-local/faults
  --help

The key pair is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else "local" and "local-secret".`

function fail(message: string): never {
  console.error(`s3-local: ${message}\n\n${usage}`)
  process.exit(2)
}

function options() {
  try {
    return parseArgs({
      options: {
        port: { type: "string", default: "9000" },
        host: { type: "string" },
        dir: { type: "string" },
        bucket: { type: "string", multiple: true },
        region: { type: "string" },
        "fault-api": { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

const values = options()
if (values.help) {
  console.log(usage)
  process.exit(0)
}
const port = Number(values.port)
if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`not a port: ${values.port}`)

const s3 = await startS3({
  port,
  record: false,
  buckets: values.bucket ?? [],
  faultApi: values["fault-api"] ?? false,
  ...(values.host !== undefined && { host: values.host }),
  ...(values.dir !== undefined && { dir: values.dir }),
  ...(values.region !== undefined && { region: values.region }),
}).catch((error: unknown) => {
  console.error(`s3-local: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
})

console.log(`s3-local listens on ${s3.url}

AWS_ENDPOINT_URL_S3=${s3.url}
AWS_ACCESS_KEY_ID=${s3.accessKeyId}
AWS_REGION=${s3.region}
`)

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void s3.close().then(() => process.exit(0)))
