import { emptyHash, encodeKey, signer, unsignedPayload } from "@imgmigrator/stores/s3/sign"
import { AwsV4Signer } from "aws4fetch"
import { expect, test } from "vitest"

const credentials = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}
const now = Date.UTC(2024, 1, 29, 23, 59, 58)

async function oracle(url: string, method: string, headers: Record<string, string>, sessionToken?: string) {
  const signed = await new AwsV4Signer({
    ...{ ...credentials, url, method, headers, service: "s3", region: "eu-west-1" },
    ...(sessionToken && { sessionToken }),
    allHeaders: true,
    datetime: "20240229T235958Z",
  }).sign()
  return signed.headers.get("authorization")
}

function ours(
  url: URL,
  method: string,
  headers: Record<string, string>,
  payload: string,
  sessionToken?: string,
) {
  const sign = signer(url.host, "eu-west-1", { ...credentials, ...(sessionToken && { sessionToken }) })
  const flat = Object.entries(headers).flat()
  const signed = sign({ method, path: url.pathname, query: url.search.slice(1), headers: flat, payload }, now)
  return signed[signed.indexOf("authorization") + 1]
}

test.for([
  ["GET", "a.jpg", {}],
  ["GET", "a b/ü+&=~*'()!/%41😀.jpg", {}],
  ["HEAD", "x", { "if-match": '"abc"' }],
  [
    "PUT",
    "photos/2024/IMG_0001.jpg",
    { "content-type": "image/jpeg", "x-amz-meta-mtime": "1604233260.123456789" },
  ],
  [
    "PUT",
    "x",
    { "x-amz-meta-a": "two  spaces ", "x-amz-meta-a-b": "1", "x-amz-meta-ab": "2", "x-amz-meta": "3" },
  ],
] as const)("%s %j is signed as aws4fetch signs it", async ([method, key, headers]) => {
  const url = new URL(`https://bucket.s3.eu-west-1.amazonaws.com/${encodeKey(key)}`)
  for (const payload of [emptyHash, unsignedPayload]) {
    const expected = await oracle(url.href, method, { ...headers, "x-amz-content-sha256": payload })
    expect(ours(url, method, headers, payload)).toBe(expected)
  }
})

test("queries, ports and session tokens are signed as aws4fetch signs them", async () => {
  const url = new URL(
    "http://127.0.0.1:9000/bucket?encoding-type=url&list-type=2&prefix=a%20b%2F&start-after=%C3%BC",
  )
  const headers = { "x-amz-content-sha256": emptyHash }
  expect(ours(url, "GET", {}, emptyHash)).toBe(await oracle(url.href, "GET", headers))
  expect(ours(url, "GET", {}, emptyHash, "a/token+=")).toBe(
    await oracle(url.href, "GET", headers, "a/token+="),
  )
})

test("the signing key turns with the day, and the time with the second", () => {
  const sign = signer("h", "us-east-1", credentials)
  const at = (time: number) => {
    const headers = sign({ method: "GET", path: "/", query: "", headers: [], payload: emptyHash }, time)
    return [headers[headers.indexOf("x-amz-date") + 1], headers[headers.indexOf("authorization") + 1]]
  }
  const [before, after] = [at(now), at(now + 2000)]
  expect(before[0]).toBe("20240229T235958Z")
  expect(after[0]).toBe("20240301T000000Z")
  expect(after[1]).toContain("/20240301/us-east-1/s3/aws4_request")
  expect(at(now)).toEqual(before)
})

test("neither the secret nor the token of a session stands in what is signed, but in its own header", () => {
  const sign = signer("h", "us-east-1", { ...credentials, sessionToken: "the-token" })
  const headers = sign({ method: "GET", path: "/", query: "", headers: [], payload: emptyHash }, now)
  expect(headers.join(" ")).not.toContain(credentials.secretAccessKey)
  expect(headers[headers.indexOf("x-amz-security-token") + 1]).toBe("the-token")
})
