import { setTimeout as sleep } from "node:timers/promises"
import { Fault } from "@imgmigrator/core/fault"
import { type Lock, lockState } from "./lock.ts"
import { type Owner, readOwner } from "./owner.ts"

/** An owner that answers. */
export type RunningOwner = Owner & { readonly url: string; readonly api_key: string }
export type Claim = { readonly lock: Lock } | { readonly owner: RunningOwner }

export type ClaimOptions = {
  /** Is there work to be done? Then an owner that only answers is waited for, like one that starts or ends. */
  readonly works?: boolean
  readonly patienceMs?: number
}

/**
 * Own the state folder, or learn whom it belongs to and how to reach them. Faults: those of `lockState`; `unavailable
 * state.silent` where the owner does not answer for `patienceMs` (default 30 s).
 */
export async function claimState(folder: string, options: ClaimOptions = {}): Promise<Claim> {
  const { works = true, patienceMs = 30_000 } = options
  const end = performance.now() + patienceMs
  for (;;) {
    const lock = lockState(folder)
    if (lock) return { lock }
    const owner = readOwner(folder)
    if (owner && answers(owner) && (owner.works || !works) && (await isThere(owner))) return { owner }
    if (performance.now() >= end) throw silent(folder, owner)
    await sleep(50)
  }
}

const answers = (owner: Owner): owner is RunningOwner => Boolean(owner.url && owner.api_key)

/** The file may be a dead owner's, and its port somebody else's by now: only the right service knows the key. */
async function isThere({ url, api_key }: RunningOwner): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/api/v1/migrations?limit=1`, {
      headers: { authorization: `Bearer ${api_key}` },
      signal: AbortSignal.timeout(5_000),
    })
    await answer.body?.cancel()
    return answer.ok
  } catch {
    return false
  }
}

const silent = (folder: string, owner: Owner | undefined) =>
  new Fault(
    "unavailable",
    "state.silent",
    `The state folder ${folder} belongs to ${owner ? `process ${owner.pid} (imgmigrator ${owner.command})` : "another process"}, which does not answer. End that process, or choose another folder with --state DIR.`,
  )
