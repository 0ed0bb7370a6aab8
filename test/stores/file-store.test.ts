import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { brief } from "@imgmigrator/core/outcome"
import { openStore, readAll, type Store, type StoreSettings } from "@imgmigrator/stores"
import { fileFault } from "@imgmigrator/stores/file/faults"
import { writeAll } from "@imgmigrator/stores/file/write"
import { afterEach, expect, test } from "vitest"
import { bytesOf, keysOf, listAll, put, readContract, trickyKeys, writeContract } from "./store-contract.ts"

const settings: StoreSettings = { credentials: async () => undefined, allowLoopback: false, allowFile: true }
const temporary: string[] = []
const newFolder = () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "imgmigrator-file-"))
  temporary.push(folder)
  return folder
}
const remove = async (folder: string) => fs.rmSync(folder, { recursive: true, force: true })
afterEach(() => Promise.all(temporary.splice(0).map(remove)))

const at = (path: string, more: Partial<StoreSettings> = {}) =>
  openStore({ type: "file", path }, { ...settings, ...more })
const write = (folder: string, name: string, bytes = "x") => {
  fs.mkdirSync(join(folder, name, ".."), { recursive: true })
  fs.writeFileSync(join(folder, name), bytes)
}

writeContract("file", async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "imgmigrator-contract-"))
  const store = await at(folder)
  return { store, reopen: () => at(folder), close: () => remove(folder) }
})

readContract("file", async () => {
  const folder = fs.mkdtempSync(join(tmpdir(), "imgmigrator-contract-"))
  const seeded = new Map(trickyKeys.map((key) => [key, Buffer.from(`the bytes of ${key}`)]))
  for (const [key, bytes] of seeded) write(folder, key, bytes.toString())
  return { store: await at(folder), seeded, close: () => remove(folder) }
})

test("trap 6: a folder sorts as its name with a slash behind, so a file walk and a bucket list alike", async () => {
  const folder = newFolder()
  for (const name of ["a/b", "a.txt", "a-1", "a0", "～.jpg", "😀.jpg"]) write(folder, name)
  expect(await keysOf(await at(folder))).toEqual(["a-1", "a.txt", "a/b", "a0", "～.jpg", "😀.jpg"])
})

test("a walk goes on behind a key without reading the folders before it", async () => {
  const folder = newFolder()
  for (const name of ["a/1", "b/1", "b/2", "c/1"]) write(folder, name)
  const store = await at(folder)
  fs.rmSync(join(folder, "a"), { recursive: true })
  fs.symlinkSync("/nowhere", join(folder, "a"))
  expect(await keysOf(store, "b/1")).toEqual(["b/2", "c/1"])
  expect(await keysOf(store, "b/1x")).toEqual(["b/2", "c/1"])
  expect(await keysOf(store, "b")).toEqual(["b/1", "b/2", "c/1"])
  expect(await keysOf(store, "zzz")).toEqual([])
})

test("more than a page comes in pages, complete and in order", async () => {
  const folder = newFolder()
  const names = Array.from({ length: 2345 }, (_, index) => `n/${String(index).padStart(5, "0")}`)
  for (const name of names) write(folder, name)
  const pages: number[] = []
  const keys: string[] = []
  for await (const page of (await at(folder)).list()) {
    pages.push(page.length)
    keys.push(...page.map((entry) => entry.key))
  }
  expect(pages).toEqual([1000, 1000, 345])
  expect(keys).toEqual(names)
})

test("trap 6: names that are no UTF-8 are listed with their fault, keep the order, and a listing goes on behind them", async () => {
  const folder = newFolder()
  const raw = (name: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, "latin1")])
  fs.writeFileSync(raw("caf\xe9.jpg"), "x")
  fs.writeFileSync(raw("caf\xe8.jpg"), "x")
  fs.mkdirSync(raw("d\xff"))
  fs.writeFileSync(raw("d\xff/inside.jpg"), "x")
  for (const name of ["cafz.jpg", "café.jpg", "e.jpg"]) write(folder, name)
  const store = await at(folder)
  const entries = await listAll(store)
  expect(entries.map((entry) => [entry.key, entry.fault?.code])).toEqual([
    ["cafz.jpg", undefined],
    ["café.jpg", undefined],
    ["caf\ufffde8.jpg", "source.name"],
    ["caf\ufffde9.jpg", "source.name"],
    ["d\ufffdff/inside.jpg", "source.name"],
    ["e.jpg", undefined],
  ])
  for (const [index, entry] of entries.entries())
    expect(await keysOf(store, entry.key)).toEqual(entries.slice(index + 1).map((each) => each.key))
})

test("links, sockets and pipes are listed with a fault and never followed", async () => {
  const folder = newFolder()
  const outside = newFolder()
  write(outside, "secret.jpg")
  fs.symlinkSync(join(outside, "secret.jpg"), join(folder, "file-link.jpg"))
  fs.symlinkSync(outside, join(folder, "folder-link"))
  fs.symlinkSync("/nowhere", join(folder, "broken-link"))
  execFileSync("mkfifo", [join(folder, "pipe.jpg")])
  const server = createServer().listen(join(folder, "socket.jpg"))
  await new Promise((resolve) => server.once("listening", resolve))
  write(folder, "photo.jpg")
  const store = await at(folder)
  const entries = await listAll(store)
  expect(entries.map((entry) => [entry.key, entry.fault?.message])).toEqual([
    ["broken-link", '"broken-link" is a symbolic link, not a file.'],
    ["file-link.jpg", '"file-link.jpg" is a symbolic link, not a file.'],
    ["folder-link", '"folder-link" is a symbolic link, not a file.'],
    ["photo.jpg", undefined],
    ["pipe.jpg", '"pipe.jpg" is a pipe, not a file.'],
    ["socket.jpg", '"socket.jpg" is a socket, not a file.'],
  ])
  await expect(store.open({ key: "file-link.jpg" })).rejects.toMatchObject({ code: "source.type" })
  await expect(store.open({ key: "pipe.jpg" })).rejects.toMatchObject({ code: "source.type" })
  await expect(store.open({ key: "folder-link/secret.jpg" })).rejects.toMatchObject({ code: "store.link" })
  await new Promise((resolve) => server.close(resolve))
})

test.for([
  ["../out.jpg", "destination.name"],
  ["a/../../out.jpg", "destination.name"],
  ["/etc/out.jpg", "destination.name"],
  ["a//b.jpg", "destination.name"],
  ["a/", "destination.name"],
  [".", "destination.name"],
  ["", "destination.name"],
  ["a\0b", "destination.name"],
  [`${"n".repeat(256)}.jpg`, "destination.name"],
  [`${"é".repeat(128)}/x.jpg`, "destination.name"],
  [".imgmigrator-tmp/x.jpg", "destination.name"],
  ["link/x.jpg", "store.link"],
  ["file.jpg/x.jpg", "destination.collision"],
  ["folder", "destination.collision"],
] as const)("%j can't be written, and nothing appears outside", async ([key, code]) => {
  const folder = newFolder()
  const outside = newFolder()
  fs.symlinkSync(outside, join(folder, "link"))
  write(folder, "file.jpg")
  write(folder, "folder/x.jpg")
  const store = await at(folder)
  await expect(put(store, key, Buffer.from("x"), { precondition: { absent: true } })).rejects.toMatchObject({
    code,
  })
  await expect(put(store, key, Buffer.from("x"))).rejects.toMatchObject({ code })
  await expect(
    store
      .begin(key, { description: {} })
      .then((upload) => store.putPart(upload, 1, Buffer.from("x")))
      .then((part) => store.complete({ key, id: "none", partSize: 1 }, [part], { description: {} })),
  ).rejects.toThrow()
  await store.close()
  expect(fs.readdirSync(outside)).toEqual([])
})

test("however long a name is, its fault fits the books and says what is wrong with it", async () => {
  const store = await at(newFolder())
  const writing = put(store, `${"a/".repeat(500)}${"n".repeat(300)}`, Buffer.from("x"))
  const message = brief(String(await writing.catch((error: Error) => error.message)))
  expect(message).toMatch(/^"a\/a.*…n+" has a folder or file name of more than 255 bytes\.$/)
})

test("names of exactly 255 bytes are fine", async () => {
  const store = await at(newFolder())
  const key = `${"é".repeat(127)}x/${"n".repeat(255)}`
  await put(store, key, Buffer.from("x"))
  expect(await keysOf(store)).toEqual([key])
})

test("a file that changes while it is read ends with a fault before its last bytes", async () => {
  const folder = newFolder()
  write(folder, "big.jpg", "x".repeat(3_000_000))
  const { body } = await (await at(folder)).open({ key: "big.jpg" })
  const reading = body[Symbol.asyncIterator]()
  await reading.next()
  fs.writeFileSync(join(folder, "big.jpg"), "y".repeat(3_000_000))
  const rest = async () => {
    while (!(await reading.next()).done);
  }
  await expect(rest()).rejects.toMatchObject({ kind: "stale", code: "source.changed" })
})

test("a file that grows or shrinks while it is read is stale too", async () => {
  const folder = newFolder()
  const store = await at(folder)
  for (const change of [
    (path: string) => fs.appendFileSync(path, "more"),
    (path: string) => fs.truncateSync(path, 10),
  ]) {
    write(folder, "photo.jpg", "x".repeat(1000))
    const { body } = await store.open({ key: "photo.jpg" })
    change(join(folder, "photo.jpg"))
    await expect(readAll(body)).rejects.toMatchObject({ kind: "stale", code: "source.changed" })
  }
})

test("a destroyed or unread body keeps no file open", async () => {
  const folder = newFolder()
  write(folder, "photo.jpg", "bytes")
  const store = await at(folder)
  const before = fs.readdirSync("/proc/self/fd").length
  for (let index = 0; index < 50; index++) (await store.open({ key: "photo.jpg" })).body.destroy()
  for (let index = 0; index < 50; index++) await bytesOf(store, { key: "photo.jpg" })
  expect(fs.readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 5)
})

test("modification times survive to the microsecond, also before 1970", async () => {
  const folder = newFolder()
  write(folder, "new.jpg")
  execFileSync("touch", ["-d", "@1604233260.123456789", join(folder, "new.jpg")])
  execFileSync(
    "touch",
    ["-d", "@-1000.25", join(folder, "new.jpg")].slice(0, 2).concat(join(folder, "old.jpg")),
  )
  const source = await at(folder)
  const target = newFolder()
  const destination = await at(target)
  for (const key of ["new.jpg", "old.jpg"]) {
    const { facts, body } = await source.open({ key })
    await put(destination, key, await readAll(body), { description: facts })
  }
  const exact = (await source.stat({ key: "new.jpg" }))?.mtimeExact
  expect(exact).toBe("1604233260.123456789")
  expect(fs.statSync(join(target, "new.jpg")).mtimeMs).toBeCloseTo(1604233260123.4568, 2)
  expect(fs.statSync(join(target, "old.jpg")).mtimeMs).toBeCloseTo(-1000250, 2)
})

test("writing leaves no temporary file, and a killed writer's is swept up once it is dead", async () => {
  const folder = newFolder()
  const store = await at(folder)
  await put(store, "photo.jpg", Buffer.from("x"))
  const home = join(folder, ".imgmigrator-tmp")
  expect(fs.readdirSync(home)).toEqual([])
  const pid = Number(execFileSync("sh", ["-c", "echo $$"]).toString())
  const upload = await store.begin("movie.mov", { description: {} })
  const mine = upload.id.replace("up-", "put-")
  fs.writeFileSync(join(home, mine), "alive")
  fs.writeFileSync(join(home, mine.replace(`-${process.pid}-`, `-${pid}-`)), "dead")
  const found = await store.uploads(0)
  expect(found.map((each) => each.key).sort()).toEqual(["", "movie.mov"])
  for (const each of found) await store.abort(each)
  expect(fs.readdirSync(home)).toEqual([mine])
  fs.rmSync(join(home, mine))
  await store.close()
  expect(fs.readdirSync(folder)).toEqual(["photo.jpg"])
})

test("an upload id from elsewhere can't name a file", async () => {
  const folder = newFolder()
  write(folder, "photo.jpg")
  const store = await at(folder)
  const upload = { key: "x.jpg", id: "../photo.jpg", partSize: 8 }
  await expect(store.abort(upload)).rejects.toMatchObject({ code: "upload.missing" })
  await expect(store.parts(upload)).rejects.toMatchObject({ code: "upload.missing" })
  expect(fs.existsSync(join(folder, "photo.jpg"))).toBe(true)
})

test("a part that was damaged on disk is found when the parts are put together", async () => {
  const folder = newFolder()
  const store = await at(folder)
  const upload = await store.begin("movie.mov", { description: {} })
  const part = await store.putPart(upload, 1, Buffer.alloc(1000, "a"))
  fs.writeFileSync(join(folder, ".imgmigrator-tmp", upload.id), Buffer.alloc(1000, "b"))
  const completed = store.complete(upload, [part], { description: {} })
  await expect(completed).rejects.toMatchObject({ kind: "corrupt", code: "destination.corrupt" })
  expect(await store.stat({ key: "movie.mov" })).toBeUndefined()
})

test("a full disk stops the store, not the item", () => {
  // /dev/full answers every write with ENOSPC, as a full disk does.
  const fd = fs.openSync("/dev/full", "w")
  try {
    writeAll(fd, Buffer.from("x"), 0)
    expect.unreachable()
  } catch (error) {
    expect(fileFault(error, "destination", "a.jpg")).toMatchObject({
      kind: "conflict",
      code: "destination.full",
      scope: "store",
    })
  } finally {
    fs.closeSync(fd)
  }
})

test.for([
  ["read", "/nowhere/at/all", {}, "missing store.missing store"],
  ["read", "FILE", {}, "invalid store.type store"],
  ["write", "FILE", {}, "invalid store.type store"],
  ["write", "FILE/below", {}, "invalid store.type store"],
  ["write", "/proc/nothing/here", {}, "missing destination.missing store"],
] as const)("a probe to %s %s says what is wrong", async ([purpose, path, more, expected]) => {
  const folder = newFolder()
  write(folder, "file")
  const store = await at(path.replace("FILE", join(folder, "file")), more)
  const fault = await store.probe(purpose).catch((error: unknown) => error)
  expect(fault).toMatchObject(named(expected))
})

const named = (expected: string) => {
  const [kind, code, scope] = expected.split(" ")
  return { kind, code, scope }
}

test("a probe for writing accepts a folder that is yet to be made, and makes nothing", async () => {
  const folder = newFolder()
  const store = await at(join(folder, "new/library"))
  await store.probe("write")
  expect(fs.readdirSync(folder)).toEqual([])
  await put(store, "a/b.jpg", Buffer.from("x"))
  expect(fs.readFileSync(join(folder, "new/library/a/b.jpg"), "utf8")).toBe("x")
})

test("the source folder that goes away in the middle stops the store, a file that goes away only its item", async () => {
  const folder = join(newFolder(), "disk")
  write(folder, "a.jpg")
  const store = await at(folder)
  fs.rmSync(join(folder, "a.jpg"))
  await expect(store.open({ key: "a.jpg" })).rejects.toMatchObject({ code: "source.missing", scope: "item" })
  fs.rmSync(folder, { recursive: true })
  await expect(store.open({ key: "a.jpg" })).rejects.toMatchObject({ code: "store.missing", scope: "store" })
  await expect(listAll(store)).rejects.toMatchObject({ kind: "missing", scope: "store" })
})

test("folders that go away under a writer are made again", async () => {
  const folder = newFolder()
  const store = await at(folder)
  await put(store, "a/b.jpg", Buffer.from("x"))
  fs.rmSync(join(folder, "a"), { recursive: true })
  fs.rmSync(join(folder, ".imgmigrator-tmp"), { recursive: true })
  await put(store, "a/c.jpg", Buffer.from("x"))
  expect(await keysOf(store)).toEqual(["a/c.jpg"])
})

test("file: is refused outside the local service, and outside its roots, through links too", async () => {
  const roots = newFolder()
  const outside = newFolder()
  fs.symlinkSync(outside, join(roots, "link"))
  const refused = { kind: "denied", code: "store.denied", scope: "store" }
  await expect(at(roots, { allowFile: false })).rejects.toMatchObject(refused)
  await expect(at(outside, { fileRoots: [roots] })).rejects.toMatchObject(refused)
  await expect(at(`${roots}-beside`, { fileRoots: [roots] })).rejects.toMatchObject(refused)
  await expect(at(`${roots}/../x`, { fileRoots: [roots] })).rejects.toMatchObject(refused)
  await expect(at(join(roots, "link"), { fileRoots: [roots] })).rejects.toMatchObject(refused)
  await expect(at(join(roots, "link/new"), { fileRoots: [roots] })).rejects.toMatchObject(refused)
  const inside: Store = await at(join(roots, "new"), { fileRoots: [roots] })
  await put(inside, "a.jpg", Buffer.from("x"))
})

/** Put a link that leads out of the root where a folder was. */
function swap(root: string, name: string): string {
  const outside = newFolder()
  write(outside, "secret.jpg")
  fs.rmSync(join(root, name), { recursive: true })
  fs.symlinkSync(outside, join(root, name))
  return outside
}
const behindLink = { kind: "denied", code: "store.link" }

test("a folder that becomes a link after it was looked at is not read through", async () => {
  const root = newFolder()
  write(root, "a/b/1.jpg")
  const store = await at(root)
  const { body } = await store.open({ key: "a/b/1.jpg" })
  body.destroy()
  swap(root, "a/b")
  await expect(store.open({ key: "a/b/secret.jpg" })).rejects.toMatchObject(behindLink)
  await expect(store.stat({ key: "a/b/secret.jpg" })).rejects.toMatchObject(behindLink)
})

test("nor is it written through, also where it becomes one while a file is written", async () => {
  const root = newFolder()
  const store = await at(root)
  await put(store, "a/b/1.jpg", Buffer.from("x"))
  const outside = swap(root, "a/b")
  await expect(put(store, "a/b/2.jpg", Buffer.from("x"))).rejects.toMatchObject(behindLink)
  expect(fs.readdirSync(outside)).toEqual(["secret.jpg"])

  await put(store, "c/1.jpg", Buffer.from("x"))
  const writing = put(store, "c/2.jpg", Buffer.from("x"))
  const elsewhere = swap(root, "c")
  await expect(writing).rejects.toMatchObject(behindLink)
  expect(fs.readdirSync(elsewhere)).toEqual(["secret.jpg"])
})

test("nor is the folder of temporary files", async () => {
  const root = newFolder()
  const store = await at(root)
  await put(store, "1.jpg", Buffer.from("x"))
  fs.mkdirSync(join(root, ".imgmigrator-tmp"), { recursive: true })
  const outside = swap(root, ".imgmigrator-tmp")
  await expect(put(store, "2.jpg", Buffer.from("x"))).rejects.toMatchObject(behindLink)
  expect(fs.readdirSync(outside)).toEqual(["secret.jpg"])
})
