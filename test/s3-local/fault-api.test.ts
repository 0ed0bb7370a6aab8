import { expect, test } from "vitest"
import { send, sendSigned } from "./raw.ts"
import { bucket, server } from "./support.ts"

const path = "/_s3-local/faults"
const get = { path: `/${bucket}/x` }

test("faults are switched on, counted and cleared by HTTP", async () => {
  const s3 = await server({ faultApi: true })
  const inject = (fault: unknown) => send(s3, { method: "POST", path, body: JSON.stringify(fault) })
  const match = { operation: "GetObject", key: "x*" }
  expect(await inject({ effect: { kind: "answer", code: "SlowDown" }, match, times: 2 })).toMatchObject({
    status: 204,
  })
  expect(await sendSigned(s3, { path: `/${bucket}/y` })).toMatchObject({ status: 404 })
  expect(await sendSigned(s3, get)).toMatchObject({ status: 503 })
  expect((await send(s3, { path })).body.toString()).toBe('{"injected":1}')
  expect(await send(s3, { method: "DELETE", path })).toMatchObject({ status: 204 })
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
  await inject({ effect: { kind: "answer", code: "AccessDenied" }, times: "always" })
  for (let time = 0; time < 3; time++) expect(await sendSigned(s3, get)).toMatchObject({ status: 403 })
})

test.for([
  "nonsense",
  "[]",
  "{}",
  '{"effect":{"kind":"explode"}}',
  '{"effect":{"kind":"answer"}}',
  '{"effect":{"kind":"answer","code":"Whatever"}}',
  '{"effect":{"kind":"slow","bytesPerSecond":"many"}}',
  '{"effect":{"kind":"cut","at":5}}',
  '{"effect":{"kind":"reset"},"times":0}',
  '{"effect":{"kind":"reset"},"match":5}',
])("%s is refused with the reason", async (body) => {
  const s3 = await server({ faultApi: true })
  const answer = await send(s3, { method: "POST", path, body })
  expect(answer.status).toBe(400)
  expect(JSON.parse(answer.body.toString()).error).toEqual(expect.any(String))
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
})

test("nobody can switch faults on by HTTP unless the server was started so", async () => {
  const s3 = await server()
  const body = '{"effect":{"kind":"reset"}}'
  expect(await send(s3, { method: "POST", path, body })).toMatchObject({ status: 405 })
  expect(await sendSigned(s3, get)).toMatchObject({ status: 404 })
})
