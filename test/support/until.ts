/** Resolves with the first answer that is neither false, null nor undefined. @throws after `withinMs` (default 10 s) */
export async function until<T>(
  answer: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<Exclude<T, false | null | undefined>> {
  for (const end = Date.now() + withinMs; ;) {
    const found = await answer();
    if (found !== false && found !== null && found !== undefined) return found as Exclude<T, false | null | undefined>;
    if (Date.now() > end) throw new Error(`It did not come true within ${withinMs} ms: ${answer.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
