import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Options } from "@imgmigrator/core/migration"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Command } from "../../packages/cli/src/commands/command.ts"
import { keys } from "../../packages/cli/src/commands/keys.ts"
import { list } from "../../packages/cli/src/commands/list.ts"
import { migrate } from "../../packages/cli/src/commands/migrate.ts"
import { report } from "../../packages/cli/src/commands/report.ts"
import { serve } from "../../packages/cli/src/commands/serve.ts"
import { placeOf } from "../../packages/cli/src/connect.ts"
import { nameFor } from "../../packages/cli/src/find.ts"
import { storeArgument } from "../../packages/cli/src/store-argument.ts"

const home = process.cwd()
const folder = mkdtempSync(join(tmpdir(), "arguments-"))
beforeAll(() => {
  mkdirSync(join(folder, "photos/inner"), { recursive: true })
  symlinkSync("photos", join(folder, "link"))
  process.chdir(folder)
})
afterAll(() => {
  process.chdir(home)
  rmSync(folder, { recursive: true, force: true })
})

const here = "http://127.0.0.1:1"
const wrong: readonly (readonly [
  what: string,
  command: Command,
  args: readonly string[],
  message: RegExp,
])[] = [
  ["no destination", migrate, ["photos"], /^<destination> is missing\.$/],
  ["a third store", migrate, ["photos", "x", "y"], /^Unexpected argument "y"\.$/],
  ["an unknown option", migrate, ["photos", "x", "--fast"], /^Unknown option '--fast'\.$/],
  [
    "an option without its value",
    migrate,
    ["photos", "x", "--lanes"],
    /^Option '--lanes <value>' argument missing\.$/,
  ],
  [
    "a number that is none",
    migrate,
    ["photos", "x", "--lanes", "many"],
    /^--lanes must be a whole number from 1\.$/,
  ],
  ["too many lanes", migrate, ["photos", "x", "--lanes", "100000"], /^options: lanes: /],
  [
    "an unknown choice",
    migrate,
    ["photos", "x", "--overwrite", "maybe"],
    /^options: overwrite: .*"different"\|"never"\|"always"/,
  ],
  ["an unknown scheme", migrate, ["ftp://host/x", "x"], /^source: the scheme ftp: is not known/],
  ["broken JSON", migrate, ["{oops", "x"], /^source: what begins with \{ must be JSON\.$/],
  [
    "a secret in a URI",
    migrate,
    ["photos", "s3://me:hush@bucket"],
    /^destination: bucket: credentials do not belong in a URI/,
  ],
  ["a source that is not there", migrate, ["nowhere", "x"], /^There is no folder .*nowhere\.$/],
  ["the destination in the source", migrate, ["photos", "photos/copy"], /lie inside one another/],
  ["the source in the destination", migrate, ["photos/inner", "photos"], /lie inside one another/],
  ["the same through a link", migrate, ["link", "photos/copy"], /lie inside one another/],
  [
    "the state folder in the source",
    migrate,
    [".", "../elsewhere"],
    /state folder .* lies inside the source .*--state DIR/,
  ],
  [
    "that through a link",
    migrate,
    ["photos", "x", "--state", "link/inner/state"],
    /state folder .* lies inside the source/,
  ],
  [
    "workers elsewhere",
    migrate,
    ["photos", "x", "--api", here, "--key", "k", "--workers", "2"],
    /^--workers is for the local service/,
  ],
  ["a service without a key", list, ["--api", here], /^--api needs a key/],
  ["an address that is none", list, ["--api", "elsewhere", "--key", "k"], /^--api must be the URL/],
  ["two places", list, ["--api", here, "--key", "k", "--state", "x"], /^--state is for the local service/],
  ["an unknown status", list, ["--status", "odd"], /^--status must be one of pending, running/],
  ["an unknown format", report, ["id", "--format", "pdf"], /^--format must be one of text, csv, ndjson\.$/],
  ["an unknown outcome", report, ["id", "--outcome", "odd"], /^--outcome must be one of migrated/],
  ["a port that is none", serve, ["--port", "70000"], /^--port must be a whole number up to 65535/],
  [
    "a state without a local service",
    serve,
    ["--no-local", "--state", "x"],
    /^--state is for the local service/,
  ],
  ["no such thing to do with keys", keys, ["make", "--user", "u"], /^There is no keys make\.$/],
  ["keys without a user", keys, ["create"], /^--user is missing\.$/],
  ["no key to revoke", keys, ["revoke", "--user", "u"], /^<key id> is missing\.$/],
]
test.for(wrong)(
  "%s is refused in one clear line, and nothing is left behind",
  async ([, command, args, message]) => {
    const refused = await command.run(args, new AbortController().signal).then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(refused).toMatchObject({ name: "Fault", message: expect.stringMatching(message) })
    expect(String(refused)).not.toMatch(/hush|\n/)
    expect(readdirSync(folder).sort()).toEqual(["link", "photos"])
  },
)

test("a folder is taken relative to where the command runs; URIs and JSON as they are", () => {
  const taken = (text: string) => storeArgument("source", text, "/home/me")
  expect(taken("./a")).toBe("/home/me/a")
  expect(taken("../a b%20")).toBe("/home/a b%20")
  expect(taken("/x/../y")).toBe("/y")
  expect(taken("file:a%20b")).toBe("/home/me/a b")
  expect(taken("file:///x/y")).toBe("/x/y")
  expect(taken('{"type":"file","path":"./a"}')).toBe("/home/me/a")
  expect(taken("s3://bucket/a?region=eu-central-1")).toBe("s3://bucket/a?region=eu-central-1")
  const urls = { type: "urls", urls: ["https://a/b.jpg"] }
  expect(taken(JSON.stringify(urls))).toEqual(urls)
})

test("a service elsewhere is named by options, else by the environment; a state folder named by option goes before that", () => {
  const env = { IMGMIGRATOR_API: "https://img.example", IMGMIGRATOR_KEY: "k1", IMGMIGRATOR_STATE: "/s" }
  expect(placeOf({}, env)).toEqual({ url: "https://img.example", key: "k1" })
  expect(placeOf({ key: "k2" }, env)).toEqual({ url: "https://img.example", key: "k2" })
  expect(placeOf({ state: "/mine" }, env)).toEqual({ stateDir: "/mine" })
  expect(placeOf({}, { IMGMIGRATOR_STATE: "/s" })).toEqual({ stateDir: "/s" })
})

test("migrations whose shown stores look the same are told apart by their names", () => {
  const options = Options.parse({})
  const wanted = (query: string) => ({
    source: `https://host/list.csv?${query}`,
    destination: "s3://bucket",
    options,
  })
  const [a, b] = [nameFor(wanted("album=1"), undefined), nameFor(wanted("album=2"), undefined)]
  expect(a).toMatch(/^https:\/\/host\/list\.csv\?… → s3:\/\/bucket\/ #[0-9a-f]{12}$/)
  expect(a).not.toBe(b)
  expect(nameFor({ ...wanted(""), source: "s3://other" }, undefined)).toBeUndefined()
  expect(nameFor({ ...wanted(""), source: "s3://other" }, "mine")).toBe("mine")
})
