import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundleHandler } from "../../test/infra/support/bundle.ts"
import { type Spent, startLambda } from "../../test/infra/support/lambda.ts"
import { production } from "../../test/infra/support/stages.ts"
import { functions } from "../../test/infra/support/view.ts"
import { startDynamo } from "../../test/support/dynamodb.ts"
import { firstEvent } from "./events.ts"

// The bundles that would be uploaded: their size, and what a cold start costs, against the DynamoDB client alone:
//
//     npx node bench/bundles/run.ts [runs]
//
// A process of Node with our own stand-in for Lambda's runtime, on this machine's processor: only the ratios carry over.
const runs = Number(process.argv[2] ?? 7)

type Contender = Parameters<typeof startLambda>[0] & { readonly name: string; readonly bytes: number }

const folder = await mkdtemp(join(tmpdir(), "imgmigrator-bundles-"))
const dynamo = await startDynamo()
const plan = await production()
const environment = {
  AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
  AWS_ACCESS_KEY_ID: "id",
  AWS_SECRET_ACCESS_KEY: "secret",
  TABLE_NAME: dynamo.tableName,
}

const floor = await floorBundle()
const contenders: readonly Contender[] = [
  floor,
  ...[...functions(plan)].map(([name, { inputs, out }]) => ({
    name,
    bundle: out,
    handler: inputs.handler,
    functionName: inputs.name,
    memorySize: inputs.memorySize,
    timeout: inputs.timeout,
    environment: { ...inputs.environment.variables, ...environment },
    bytes: plan.builds.find(({ functionID }) => functionID === name)?.bytes ?? 0,
  })),
]

async function floorBundle(): Promise<Contender> {
  const encryptionKey = Buffer.alloc(32).toString("base64")
  const wanted = {
    handler: "bench/bundles/floor.handler",
    minify: true,
    external: [],
    links: {},
    encryptionKey,
  }
  const { bytes, errors } = await bundleHandler({
    ...wanted,
    cache: join(folder, "cache"),
    out: join(folder, "floor"),
  })
  if (errors.length > 0) throw new Error(errors.join("\n"))
  const place = { bundle: join(folder, "floor"), handler: "bundle.handler", functionName: "floor" }
  return { name: "DynamoDB client alone", ...place, memorySize: 512, timeout: 10, environment, bytes }
}

async function coldStart(contender: Contender): Promise<{ readonly ready: Spent; readonly answered: Spent }> {
  const lambda = await startLambda(contender)
  try {
    await lambda.invoke(firstEvent(contender.name))
    return { ready: await lambda.ready, answered: await lambda.answered }
  } finally {
    await lambda.close()
  }
}

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

type Row = readonly [name: string, kilobytes: number, ...milliseconds: number[]]

function row({ name, bytes }: Contender, starts: Awaited<ReturnType<typeof coldStart>>[]): Row {
  const of = (take: (start: (typeof starts)[number]) => number) => median(starts.map(take))
  return [
    name,
    bytes / 1000,
    of(({ ready }) => ready.cpu),
    of(({ answered }) => answered.cpu),
    of(({ ready }) => ready.wall),
    of(({ answered }) => answered.wall),
  ]
}

try {
  const starts = new Map<Contender, Awaited<ReturnType<typeof coldStart>>[]>(
    contenders.map((each) => [each, []]),
  )
  // In turns, so that whatever else the machine does hits all alike.
  for (let run = 0; run < runs; run++)
    for (const [contender, list] of starts) list.push(await coldStart(contender))
  const rows = [...starts].map(([contender, list]) => row(contender, list))
  const [, , ...base] = rows[0] ?? []
  console.log(`Medians of ${runs} cold starts; in brackets, as a multiple of the client alone.\n`)
  console.log("| function | kB | ready, CPU ms | first answer, CPU ms | ready, ms | first answer, ms |")
  console.log("|---|---|---|---|---|---|")
  for (const [name, kilobytes, ...times] of rows) {
    const cells = times.map((time, n) => `${Math.round(time)} (${(time / (base[n] ?? 1)).toFixed(2)})`)
    console.log(`| ${[name, Math.round(kilobytes), ...cells].join(" | ")} |`)
  }
} finally {
  await dynamo.close()
  await rm(folder, { recursive: true, force: true })
}
