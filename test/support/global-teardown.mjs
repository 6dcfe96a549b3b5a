export default async function globalTeardown() {
  await globalThis.houstonTestPostgres?.stop();
}
