import * as z from "zod"

/** A list in one line, separated by commas or spaces. */
const list = (item: z.ZodString) =>
  z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter(Boolean))
    .pipe(z.array(item))

const blankIsAbsent = (value: unknown) => (typeof value === "string" ? value.trim() || undefined : value)
const optional = <Schema extends z.ZodType>(schema: Schema) => z.preprocess(blankIsAbsent, schema.optional())

const Settings = z.object({
  /** S3 buckets that the workers may read and write with their role. Others are out of reach. */
  IMAGE_BUCKETS: list(
    z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "Write names of S3 buckets, separated by commas."),
  ),
  /** Deliveries go there instead of to the worker's function URL. */
  BASE_URL: optional(z.url({ protocol: /^https$/ })),
  QSTASH_URL: optional(z.url({ protocol: /^https$/ })),
  QSTASH_PLAN: optional(z.enum(["free", "payg", "1m", "10m"])),
  /** Reserved concurrency. An account whose quota is below 110 or so cannot reserve any. */
  WORKER_CONCURRENCY: optional(z.coerce.number().int().min(1).max(1_000)),
  /** 1,769 MB is one full vCPU (AWS: Configure Lambda function memory). */
  WORKER_MEMORY_MB: optional(z.coerce.number().int().min(512).max(10_240)),
  CORS_ORIGINS: list(
    z.string().regex(/^(\*|https?:\/\/[^\s/]+)$/, "Write origins, like https://app.example.com."),
  ),
  ALARM_EMAIL: optional(z.email()),
  TRACING: optional(z.stringbool()),
  LOG_LEVEL: optional(z.enum(["DEBUG", "INFO", "WARN", "ERROR"])),
  /** Ended migrations are deleted after so many days. Absent: never. */
  MIGRATION_RETENTION_DAYS: optional(z.coerce.number().int().min(1)),
})

/** What an engineer sets for `sst deploy`: the environment and `.env`, which SST reads. None of it is secret. */
export const settings = read(process.env)

function read(env: NodeJS.ProcessEnv) {
  const parsed = Settings.safeParse(env)
  if (parsed.success) return parsed.data
  const wrong = parsed.error.issues.map(({ path, message }) => `${path[0]?.toString()}: ${message}`)
  throw new Error(`A setting in .env is wrong. ${wrong.join(" ")}`)
}
