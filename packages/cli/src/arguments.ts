import { type ParseArgsOptionsConfig, parseArgs } from "node:util"
import { Fault } from "@imgmigrator/core/fault"

/** What is wrong with how a command was called; its usage is shown beneath. */
export const misused = (message: string): Fault => new Fault("invalid", "cli.usage", message)

/**
 * A command's options and positional arguments. `names`: those that must be there, in order; no others may. Fault
 * `invalid cli.usage` in one line.
 */
export function readArguments<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  names: readonly string[] = [],
) {
  const parsed = parse(args, options)
  const missing = names[parsed.positionals.length]
  if (missing) throw misused(`<${missing}> is missing.`)
  const extra = parsed.positionals[names.length]
  if (extra !== undefined) throw misused(`Unexpected argument ${JSON.stringify(extra)}.`)
  return parsed
}

function parse<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // Node adds advice on further lines and after the first sentence.
    const [first = error.message] = error.message.split(/\n|\. /, 1)
    throw misused(`${first.replace(/\.$/, "")}.`)
  }
}

/** A whole number of at least `least`. Fault `invalid cli.usage`. */
export function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text) && Number(text) >= least) return Number(text)
  throw misused(`--${name} must be a whole number from ${least}.`)
}

/** Where to work: a service elsewhere, or the one of a state folder. */
export const placeOptions = {
  api: { type: "string" },
  key: { type: "string" },
  state: { type: "string" },
} as const satisfies ParseArgsOptionsConfig
