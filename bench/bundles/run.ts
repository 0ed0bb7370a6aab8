import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { bundleHandler } from "../../test/infra/support/bundle.ts"
import { startLambda } from "../../test/infra/support/lambda.ts"
import { production } from "../../test/infra/support/stages.ts"
import { functions } from "../../test/infra/support/view.ts"
import { startDynamo } from "../../test/support/dynamodb.ts"
import { firstEvent } from "./events.ts"
import { report, type Start } from "./report.ts"

// The bundles that would be uploaded: their size, and what a cold start costs, against the DynamoDB client alone:
//
//     npm run bench:bundles [-- runs]        writes RESULTS.md beside this file
const runs = Number(process.argv[2] ?? 15)
const [load = 0] = loadavg()
const workers = ["MigrationWorker", "ReceiveDelivery"]

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

async function coldStart(contender: Contender): Promise<Start> {
  const lambda = await startLambda(contender)
  try {
    await lambda.invoke(firstEvent(contender.name))
    return { ready: await lambda.ready, answered: await lambda.answered }
  } finally {
    await lambda.close()
  }
}

const targetOf = ({ name }: Contender) =>
  workers.includes(name) ? { bytes: 1_400_000, ratio: 1.8 } : { bytes: 900_000, ratio: 1.6 }

try {
  const starts = new Map<Contender, Start[]>(contenders.map((each) => [each, []]))
  // In turns, so that whatever else the machine does hits all alike; the first turn only fills the disk's cache.
  for (let run = 0; run <= runs; run++)
    for (const [contender, list] of starts) {
      const start = await coldStart(contender)
      if (run > 0) list.push(start)
    }
  const measured = [...starts].map(([each, list]) => ({
    name: each.name,
    bytes: each.bytes,
    starts: list,
    ...(each !== floor && { target: targetOf(each) }),
  }))
  const text = report(measured, `npm run bench:bundles -- ${runs}`, load)
  await writeFile(new URL("RESULTS.md", import.meta.url), text)
  console.log(text)
} finally {
  await dynamo.close()
  await rm(folder, { recursive: true, force: true })
}
