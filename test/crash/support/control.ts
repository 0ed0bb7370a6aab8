import { renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

// Before they are watched.
const [write, rename] = [writeFileSync, renameSync]

/** A place where a worker can die: before the nth call of this name leaves it, or after it was answered. */
export type Point = { readonly call: string; readonly nth: number; readonly when: "before" | "after" }

export const pointName = ({ call, nth, when }: Point): string => `${when} ${call} ${nth}`

/** What the workers are told, in a file that each reads when it gets a call. */
export type Control = {
  /** How far the clock is ahead of the machine's, in ms. */
  readonly ahead: number
  /** What stands in a call's name for the beginning of an address or a path. */
  readonly places: Readonly<Record<string, string>>
  /** Where to die; gone from the file once somebody did. */
  readonly point?: Point
  /** Each call of this name takes that long. */
  readonly leap?: { readonly call: string; readonly ms: number }
}

/** What the workers tell, a line each, in the order in which it happened. */
export type Line = {
  readonly at: "before" | "after" | "killed" | "leap"
  readonly call: string
  readonly nth: number
  /** The address or path, for finding whose call it was. */
  readonly subject: string
  /** Of an HTTP call that was answered. */
  readonly status?: number
  /** Of a leap: how far the clock is ahead now, in ms. */
  readonly ahead?: number
}

export const controlFile = "control.json"
/** Tell all processes, whole or not at all: others may be reading. */
export function command(folder: string, control: Control) {
  const path = join(folder, controlFile)
  write(`${path}.${process.pid}`, JSON.stringify(control))
  rename(`${path}.${process.pid}`, path)
}

export const linesFile = "calls.ndjson"
