import { onTestFinished } from "vitest"

/** Set variables for one test; `undefined` removes. What was there comes back afterwards. */
export function setEnvironment(values: Readonly<Record<string, string | undefined>>) {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const)
  apply(Object.entries(values))
  onTestFinished(() => apply(before))
}

function apply(values: Iterable<readonly [string, string | undefined]>) {
  for (const [name, value] of values) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
}
