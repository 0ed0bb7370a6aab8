import { parseArgs } from "node:util"
import { isQuota } from "./engine/plans.ts"
import { startQStash } from "./start.ts"
import { virtualClock } from "./time/virtual-clock.ts"

const usage = `Usage: qstash-local [options]

  --port N            port to listen on (default 8080, or QSTASH_DEV_PORT; 0 takes any)
  --host ADDRESS      loopback address to listen on (default 127.0.0.1)
  --state DIR         keep messages on disk: what was accepted survives a crash
  --quota PLAN        free, payg (default), fixed-1m or fixed-10m
  --resolve HOST=URL  call URL instead of HOST; may be repeated
  --virtual-clock     time moves only by POST /local/clock/advance?by=12s
  --bulk-cancel MODE  tracked (default), or counted as before September 2026
  --quiet             do not print events
  --help`

function fail(message: string): never {
  console.error(`qstash-local: ${message}\n\n${usage}`)
  process.exit(2)
}

function options() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        port: { type: "string" },
        host: { type: "string" },
        state: { type: "string" },
        quota: { type: "string" },
        resolve: { type: "string", multiple: true },
        "virtual-clock": { type: "boolean" },
        "bulk-cancel": { type: "string" },
        quiet: { type: "boolean" },
        help: { type: "boolean" },
      },
    })
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

function resolutions(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, host, url = ""] = /^([^=]+)=(.+)$/.exec(pair) ?? []
      if (!host || !/^https?:/.test(url) || !URL.canParse(url)) fail(`--resolve ${pair}: use HOST=URL`)
      return [host, url]
    }),
  )
}

const { values, positionals } = options()
if (values.help) {
  console.log(usage)
  process.exit(0)
}
if (positionals.length > 0 && positionals[0] !== "dev") fail(`unknown argument ${positionals[0]}`)
const port = Number(values.port ?? process.env.QSTASH_DEV_PORT ?? 8080)
if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(`not a port: ${values.port}`)
const quota = values.quota ?? "payg"
if (!isQuota(quota)) fail(`unknown plan ${quota}`)

const bulkCancel = values["bulk-cancel"] ?? "tracked"
if (bulkCancel !== "tracked" && bulkCancel !== "counted") fail(`unknown mode ${bulkCancel}`)

const qstash = await startQStash({
  port,
  quota,
  bulkCancel,
  ...(values["virtual-clock"] && { clock: virtualClock() }),
  resolve: resolutions(values.resolve ?? []),
  ...(values.host !== undefined && { host: values.host }),
  ...(values.state !== undefined && { stateDir: values.state }),
  ...(!values.quiet && { log: (line) => console.log(JSON.stringify(line)) }),
}).catch((error: unknown) => {
  console.error(`qstash-local: ${error instanceof Error ? error.message : error}`)
  process.exit(1)
})

console.log(`qstash-local listens on ${qstash.url}

QSTASH_URL=${qstash.url}
QSTASH_TOKEN=${qstash.token}
QSTASH_CURRENT_SIGNING_KEY=${qstash.currentSigningKey}
QSTASH_NEXT_SIGNING_KEY=${qstash.nextSigningKey}
`)

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    void qstash.close().then(() => process.exit(0))
  })
