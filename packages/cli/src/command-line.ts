import { existsSync, readFileSync } from "node:fs"
import { Fault } from "@imgmigrator/core/fault"
import { misused } from "./arguments.ts"
import type { Command } from "./commands/command.ts"
import { err, out } from "./terminal.ts"

/** Loaded when asked for: each brings its part of the service along. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  migrate: async () => (await import("./commands/migrate.ts")).migrate,
  serve: async () => (await import("./commands/serve.ts")).serve,
  list: async () => (await import("./commands/list.ts")).list,
  status: async () => (await import("./commands/status.ts")).status,
  pause: async () => (await import("./commands/control.ts")).control("pause"),
  resume: async () => (await import("./commands/control.ts")).control("resume"),
  cancel: async () => (await import("./commands/control.ts")).control("cancel"),
  retry: async () => (await import("./commands/control.ts")).control("retry"),
  report: async () => (await import("./commands/report.ts")).report,
  keys: async () => (await import("./commands/keys.ts")).keys,
}
const load = (name: string) => (Object.hasOwn(commands, name) ? commands[name]?.() : undefined)

const couldNotRun = 2

/** The command line, in whatever process it is asked. Gives the exit code; what it says is said. */
export async function commandLine([name, ...args]: readonly string[], stop: AbortSignal): Promise<number> {
  if (name === "--version" || name === "-v") return say(version())
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const asked = await load(args[0] ?? "")
    return asked ? say(help(asked)) : say(await overview(), name === undefined ? couldNotRun : 0)
  }
  const command = await load(name)
  if (command && args.some((each) => each === "--help" || each === "-h")) return say(help(command))
  try {
    if (!command) throw misused(`There is no command ${JSON.stringify(name)}.`)
    // As the guide has it: settings may stand in a file beside. What the environment has goes before it.
    if (existsSync(".env")) process.loadEnvFile(".env")
    return await command.run(args, stop)
  } catch (error) {
    err(complaint(error))
    if (error instanceof Fault && error.code === "cli.usage") err(usage(command))
    return couldNotRun
  }
}

function complaint(error: unknown): string {
  if (error instanceof Fault) return `imgmigrator: ${error.message.replaceAll("\n", "\n             ")}`
  // Not on purpose: whoever reports it needs to know where.
  return `imgmigrator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`
}

function say(text: string, code = 0): number {
  out(text)
  return code
}

const usage = (command: Command | undefined) =>
  command
    ? `Usage: imgmigrator ${command.usage}`
    : 'Usage: imgmigrator <command>; "imgmigrator help" lists them.'

const help = (command: Command) => `${usage(command)}\n\n  ${command.summary}\n\n${command.help}`

async function overview(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((each) => each()))
  const rows = all.map((each) => `  ${each.usage.padEnd(46)} ${each.summary}`)
  return `Usage: imgmigrator <command>\n\n${rows.join("\n")}\n\n"imgmigrator help <command>" tells its options.`
}

function version(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
  return typeof manifest === "object" && manifest && "version" in manifest ? String(manifest.version) : ""
}
