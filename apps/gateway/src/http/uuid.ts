const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text has the shape of an id. Names of that shape are refused, so that a name never hides an id. */
export function looksLikeId(text: string): boolean {
  return UUID.test(text);
}
