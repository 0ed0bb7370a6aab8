// Names as in `.env.example`, so that `sst secret load .env` sets them. One without a placeholder must be set.
export const secrets = {
  token: new sst.Secret("QSTASH_TOKEN"),
  currentKey: new sst.Secret("QSTASH_CURRENT_SIGNING_KEY"),
  nextKey: new sst.Secret("QSTASH_NEXT_SIGNING_KEY", ""),
  stores: new sst.Secret("STORE_CREDENTIALS", ""),
}
