/*
 * Files share their process: each begins with the settings and in the folder that the process was started with, whatever
 * the one before it set.
 */
const name: unique symbol = Symbol.for("imgmigrator.started-with")
type Started = { readonly env: NodeJS.ProcessEnv; readonly folder: string }
const world: typeof globalThis & { [name]?: Started } = globalThis

world[name] ??= { env: { ...process.env }, folder: process.cwd() }
const { env, folder } = world[name]
// Vitest numbers its workers and files there.
const isOurs = (each: string) => !each.startsWith("VITEST")
for (const each of Object.keys(process.env)) if (isOurs(each) && !(each in env)) delete process.env[each]
for (const [each, value] of Object.entries(env)) if (isOurs(each)) process.env[each] = value
if (process.cwd() !== folder) process.chdir(folder)
