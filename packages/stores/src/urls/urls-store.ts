import { Fault, ofStore } from "@imgmigrator/core/fault"
import { quoted } from "@imgmigrator/core/outcome"
import { type NormalStoreRef, storeUri } from "@imgmigrator/core/store-ref"
import { guardedAgent } from "../http/guard.ts"
import type { StoreSettings } from "../settings.ts"
import type { Call, Entry, Store } from "../store.ts"
import { listAddresses } from "./list.ts"
import { openAddress, statAddress } from "./read.ts"
import { readRecord } from "./record.ts"
import { turns } from "./turns.ts"

type Ref = Extract<NormalStoreRef, { type: "list" | "urls" }>

/** Any host may be in a list: one that is silent this long is given up sooner than a store of our own, in ms. */
const timeouts = { headersMs: 20_000, bodyMs: 20_000 }

/** Images behind addresses, of a list that is itself behind one, or of one that came with the request. Read only. */
export function openUrlsStore(ref: Ref, settings: StoreSettings): Store {
  const agent = guardedAgent({ ...settings, timeouts: { ...timeouts, ...settings.timeouts } })
  const turn = turns(settings.hostRate)
  const readOnly = async () => {
    throw new Fault("invalid", "store.read_only", "A list of addresses can be a source, not a destination.", {
      scope: "store",
    })
  }
  const target = ({ key, address }: Pick<Entry, "key" | "address">) => {
    if (address !== undefined) return { key, address }
    throw new Fault("missing", "source.missing", `${quoted(key)} has no address.`)
  }

  async function* list(options: Call & { readonly after?: string } = {}): AsyncGenerator<readonly Entry[]> {
    try {
      if (ref.type === "list") yield* listAddresses(agent, ref, options)
      else yield* inlineEntries(ref, options)
    } catch (error) {
      throw ofStore(error)
    }
  }

  return {
    kind: "urls",
    name: storeUri(ref),
    capabilities: { ordered: false, preconditions: false, checksums: false, ranges: true, writable: false },
    async probe(purpose, call = {}) {
      if (purpose === "write") return readOnly()
      for await (const _ of list(call)) return
    },
    list,
    stat: async (entry, call) => statAddress(agent, turn, target(entry), call),
    open: async (entry, options = {}) => openAddress(agent, turn, target(entry), options),
    put: readOnly,
    begin: readOnly,
    putPart: readOnly,
    parts: readOnly,
    complete: readOnly,
    abort: readOnly,
    uploads: async () => [],
    close: async () => {
      await agent.destroy()
    },
  }
}

/** The cursor is how many came before, in the form of a list's. */
function* inlineEntries(
  { urls }: Extract<Ref, { type: "urls" }>,
  { after, signal }: Call & { readonly after?: string },
): Generator<Entry[]> {
  const pageSize = 1000
  for (let from = Number(after?.split(":")[0] ?? 0); from < urls.length; from += pageSize) {
    signal?.throwIfAborted()
    yield urls.slice(from, from + pageSize).map((item, index) => {
      const entry = readRecord(typeof item === "string" ? { url: item } : item)
      const place = from + index + 1
      if (typeof entry !== "string") return { ...entry, cursor: `${place}:${place}::` }
      throw new Fault("invalid", "manifest.line", `Item ${place} of urls ${entry}.`, { scope: "store" })
    })
  }
}
