import { ListObjectsV2Command, PutObjectCommand, paginateListObjectsV2 } from "@aws-sdk/client-s3"
import { expect, test } from "vitest"
import { bucket, sdk, server } from "./support.ts"

test("pages of a listing are in the order of the keys' UTF-8 bytes", async () => {
  const client = sdk(await server())
  const keys = ["b", "a/1", "a", "a//b", "a-", "\u{1f600}", "\uffee", "é", "z"]
  for (const Key of keys) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
  const listed: (string | undefined)[] = []
  for await (const page of paginateListObjectsV2({ client, pageSize: 2 }, { Bucket: bucket }))
    listed.push(...(page.Contents ?? []).map(({ Key }) => Key))
  expect(listed).toEqual(keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
})

test("a delimiter folds what is below it, over pages too", async () => {
  const client = sdk(await server())
  for (const Key of ["a/1", "a/2", "b", "c/1", "c/2", "d"])
    await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: "x" }))
  const names: (string | undefined)[] = []
  for await (const page of paginateListObjectsV2(
    { client, pageSize: 1 },
    { Bucket: bucket, Delimiter: "/" },
  )) {
    names.push(
      ...(page.CommonPrefixes ?? []).map(({ Prefix }) => Prefix),
      ...(page.Contents ?? []).map(({ Key }) => Key),
    )
  }
  expect(names).toEqual(["a/", "b", "c/", "d"])
  const below = await client.send(
    new ListObjectsV2Command({ Bucket: bucket, Delimiter: "/", Prefix: "c/", StartAfter: "c/1" }),
  )
  expect(below.Contents?.map(({ Key }) => Key)).toEqual(["c/2"])
})
