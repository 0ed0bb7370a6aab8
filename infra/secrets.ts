// Names as in `.env.example`, so that `sst secret load .env` sets them.
export const secrets = {
  token: required("QSTASH_TOKEN"),
  currentKey: required("QSTASH_CURRENT_SIGNING_KEY"),
  nextKey: new sst.Secret("QSTASH_NEXT_SIGNING_KEY", ""),
  stores: new sst.Secret("STORE_CREDENTIALS", ""),
}

/** `sst secret load` stores a line that was not filled in as an empty text, which SST takes for a value. */
function required(name: string): sst.Secret {
  if (!process.env[`SST_SECRET_${name}`]?.trim()) delete process.env[`SST_SECRET_${name}`]
  return new sst.Secret(name)
}
