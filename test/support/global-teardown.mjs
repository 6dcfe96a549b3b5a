export default async function globalTeardown() {
  await Promise.all((globalThis.houstonTestPostgres ?? []).map((server) => server.stop()));
}
