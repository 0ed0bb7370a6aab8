import { current, outside, type Proc } from "../process.ts"
import type { Tally } from "../tally.ts"
import { type Engine, keyText, newEngine } from "./engine.ts"
import type { Request } from "./request.ts"
import { isMap } from "./values.ts"

/**
 * What may befall a request: `repeated` its answer is lost and the SDK sends it again, `lost` no answer is ever heard
 * of what was done, `throttled` refused five times over, `slow` long on its way, `conflict` another transaction
 * holds the row, `split` a query that reads its rows at two moments.
 */
export const tableTroubles = ["repeated", "lost", "throttled", "slow", "conflict", "split"] as const
export type TableTrouble = (typeof tableTroubles)[number]

/** A trouble for the request after `in` others that could have it. */
export type Ahead = { readonly trouble: TableTrouble; in: number; readonly on?: RegExp }

export type Table = {
  readonly engine: Engine
  /** What is going to befall whoever asks. */
  readonly ahead: Ahead[]
  /** No more troubles, and no row is held. */
  heal(): void
  send(command: string, input: Request): Promise<unknown>
  /** Whose request caused the change that is being told of. */
  writer(): Proc | undefined
}

/** How long a transaction holds its rows, in ms, as measured at AWS. */
const held = 15

const isWrite = (command: string) => command !== "Get" && command !== "Query"
const suits: Readonly<Record<TableTrouble, (command: string) => boolean>> = {
  repeated: isWrite,
  lost: isWrite,
  throttled: () => true,
  slow: () => true,
  conflict: isWrite,
  split: (command) => command === "Query",
}

type Answer = Readonly<Record<string, unknown>>

export function newTable(tally: Tally): Table {
  const engine = newEngine()
  const ahead: Ahead[] = []
  const locks = new Map<string, number>()
  let writing: Proc | undefined

  const lock = (proc: Proc, keys: readonly string[], ms: number) => {
    for (const key of keys) locks.set(key, Math.max(locks.get(key) ?? 0, proc.time.now() + ms))
  }
  /** What the request does at the table, at one moment. */
  const execute = (proc: Proc, command: string, input: Request): Answer => {
    const isFree = (key: string) => (locks.get(key) ?? 0) <= proc.time.now()
    const keys = command === "TransactWrite" ? keysOf(input).filter(isFree) : []
    writing = proc
    try {
      return engine.execute(command, input, (key) => !isFree(key))
    } finally {
      writing = undefined
      lock(proc, keys, held)
    }
  }
  const once = (proc: Proc, command: string, input: Request, there = proc.random.between(1, 10)) =>
    outside(proc, {
      what: `${command} ${nameOf(input)}`,
      there,
      back: proc.random.between(1, 10),
      effect: () => execute(proc, command, input),
    })

  const befallen: Readonly<
    Record<TableTrouble, (proc: Proc, command: string, input: Request) => Promise<Answer>>
  > = {
    repeated: async (proc, command, input) => {
      const first = await once(proc, command, input).then(
        (answer) => ({ answer }),
        () => undefined,
      )
      // The SDK gives a transaction one token for all its tries: what was done once is not done again.
      if (command === "TransactWrite" && first) return first.answer
      return once(proc, command, input, proc.random.between(50, 300))
    },
    lost: async (proc, command, input) => {
      await once(proc, command, input).catch(() => {})
      return outside(proc, {
        what: "wait",
        there: 2_000,
        back: proc.random.between(0, 10_000),
        effect: fail("TimeoutError"),
      })
    },
    throttled: (proc) =>
      outside(proc, {
        what: "wait",
        there: 1_500,
        back: 1,
        effect: fail("ProvisionedThroughputExceededException"),
      }),
    slow: (proc, command, input) => once(proc, command, input, proc.random.between(500, 40_000)),
    conflict: (proc, command, input) => {
      lock(proc, keysOf(input), proc.random.chance(0.2) ? 5_000 : 3 * held)
      return once(proc, command, input)
    },
    split: async (proc, command, input) => {
      const first = itemsOf(await once(proc, command, input))
      const second = itemsOf(await once(proc, command, input))
      const pivot = String(first[first.length >> 1]?.sk)
      const isFirst = (row: Answer) => String(row.sk) <= pivot
      return { Items: [...first.filter(isFirst), ...second.filter((row) => !isFirst(row))] }
    },
  }

  return {
    engine,
    ahead,
    heal: () => {
      ahead.length = 0
      locks.clear()
    },
    writer: () => writing,
    send: async (command, input) => {
      const proc = current()
      if (!proc) throw new Error("Only a process of the simulation may ask the table.")
      if (proc.isObserver) return engine.execute(command, input)
      const trouble = due(proc.ahead, command, input) ?? due(ahead, command, input)
      if (!trouble) return once(proc, command, input)
      tally.accept(`table: ${trouble}`)
      proc.isExcused = true
      return befallen[trouble](proc, command, input)
    },
  }
}

function due(ahead: Ahead[], command: string, input: Request): TableTrouble | undefined {
  for (const each of ahead) {
    if (!suits[each.trouble](command) || (each.trouble === "split" && !isWhole(input))) continue
    if (each.on && !each.on.test(`${command} ${nameOf(input)}`)) continue
    if (each.in-- > 0) continue
    ahead.splice(ahead.indexOf(each), 1)
    return each.trouble
  }
  return undefined
}

const fail = (name: string) => (): Answer => {
  throw Object.assign(new Error(`${name} from the table`), { name })
}

/** The sort key that is asked for; of a query, the partition; of a transaction, its first row's. */
function nameOf(input: Request): string {
  const [first] = input.TransactItems?.flatMap((step) => Object.values(step)) ?? []
  const { Item, Key, ExpressionAttributeValues } = first ?? input
  return String(Item?.sk ?? Key?.sk ?? ExpressionAttributeValues?.[":pk"] ?? "")
}

const isWhole = (input: Request) => input.Limit === undefined && input.IndexName === undefined

function keysOf(input: Request): readonly string[] {
  const all = input.TransactItems?.flatMap((step) => Object.values(step)) ?? [input]
  return all.map((each) => {
    const { pk, sk } = each.Item ?? each.Key ?? {}
    return keyText({ pk: String(pk), sk: String(sk) })
  })
}

const itemsOf = ({ Items }: Answer): readonly Answer[] => (Array.isArray(Items) ? Items.filter(isMap) : [])
