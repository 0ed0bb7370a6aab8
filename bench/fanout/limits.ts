/** What bounds a fan-out on AWS, with where each figure is from. Times in seconds, sizes in bytes. */
export const limits = {
  /** S3: GET and PUT of a small object, each 0.1–0.2 s (Amazon S3 User Guide: Optimizing performance). */
  getSeconds: 0.15,
  putSeconds: 0.15,
  /** S3: writes a second and partitioned prefix (the same guide). */
  putsPerPrefix: 3_500,
  /** Lambda: bytes a second of one environment, both ways together. Not documented: assumed. */
  bytesPerEnvironment: 60e6,
  /** CPU an image of a worker, TLS included: 0.6 ms measured without TLS (bench/RESULTS.md), the rest assumed. */
  cpuSeconds: 0.003,
  /** Of a worker with 1,024 MB: a full processor comes with 1,769 MB (AWS Lambda Developer Guide: memory). */
  processors: 1_024 / 1_769,
  /** Lambda: environments that may start at once and every ten seconds (AWS Lambda Developer Guide: scaling behavior). */
  startsPerTenSeconds: 1_000,
  coldStartSeconds: 0.6,
  /** DynamoDB: write units a second of a new on-demand table, and of one partition (DynamoDB Developer Guide). */
  tableUnits: 4_000,
  partitionUnits: 1_000,
  /** A transaction holds its rows, and refuses others meanwhile: assumed. */
  handOutSeconds: 0.015,
  dynamoSeconds: 0.008,
  /** Write units of a chunk: its blobs, all over the table, and its rows in the migration's own partition (docs/ledger.md). */
  blobUnits: 12,
  chunkUnits: 1.45,
  handOutUnits: 4,
  /** From publishing a message to the webhook's first line: assumed. */
  messageSeconds: 0.2,
  /** A delivery's share of working time (docs/design.md, 5). */
  deliverySeconds: 115,
  /** Keys a second that one planner lists from S3 (bench/listing/RESULTS.md, 80 ms a page). */
  keysPerSecond: 23_000,
} as const

/** List prices of us-east-1 in dollars: November 2026 (docs/deploy.md, Cost). */
export const prices = {
  gigabyteSecond: 0.0000133334,
  invocation: 0.2e-6,
  writeUnit: 0.625e-6,
  readUnit: 0.125e-6,
  put: 0.005e-3,
  get: 0.0004e-3,
  message: 1e-5,
} as const
