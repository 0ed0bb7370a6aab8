import type { Planned } from "./plan.ts"
import { type Synth, synth } from "./synth.ts"

const secrets = { QSTASH_TOKEN: "the-token", QSTASH_CURRENT_SIGNING_KEY: "sig_current" }

/** One evaluation, and one reading of it, for all tests of a file. */
function once(make: () => Promise<Planned>): () => Promise<Planned> {
  let plan: Promise<Planned> | undefined
  return () => (plan ??= make())
}

/** As an engineer deploys who set the two secrets that must be, and one bucket. */
export const production = once(() => synth("production", { secrets, env: { IMAGE_BUCKETS: "photos" } }))

/** Every setting at once, and the optional secrets stored empty, as `sst secret load` does. */
export const dev = once(() =>
  synth("dev", {
    secrets: { ...secrets, QSTASH_NEXT_SIGNING_KEY: "", STORE_CREDENTIALS: "" },
    env: {
      IMAGE_BUCKETS: "photos, archive-2024",
      BASE_URL: "https://img.example.com",
      QSTASH_URL: "https://qstash-us-east-1.upstash.io",
      QSTASH_PLAN: "payg",
      WORKER_CONCURRENCY: "20",
      WORKER_MEMORY_MB: "2048",
      CORS_ORIGINS: "https://app.example.com",
      ALARM_EMAIL: "ops@example.com",
      TRACING: "true",
      LOG_LEVEL: "WARN",
      MIGRATION_RETENTION_DAYS: "30",
    },
  }),
)

export const stages = { production, dev }

/** A machine that is busy otherwise evaluates slowly; that is not what tests are about. */
export const patience = 300_000

/** For `beforeAll`: both stages, side by side. */
export const evaluated = [() => Promise.all([production(), dev()]).then(() => {}), patience] as const

/** Other secrets than there must be. */
export const withSecrets = (only: Readonly<Record<string, string>>): Promise<Planned> =>
  synth("staging", { secrets: only })

/** Production with mistakes in its sources. */
export const planted = (plant: NonNullable<Synth["plant"]>): Promise<Planned> =>
  synth("production", { secrets, env: { IMAGE_BUCKETS: "photos" }, plant })
