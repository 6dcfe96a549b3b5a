const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,99})\s*\}\}/g;

export type Filled = { kind: 'filled'; text: string } | { kind: 'missing'; names: string[] } | { kind: 'too_long' };

/**
 * Puts values into the `{{placeholders}}` of a template. A value is text and never looked at again.
 *
 * @param longest of the text that comes of it, in characters; a longer one is not even made
 */
export function fillTemplate(
  template: string,
  values: Readonly<Record<string, string>>,
  longest = Number.POSITIVE_INFINITY,
): Filled {
  const valueOf = (name: string) => (Object.hasOwn(values, name) ? values[name] : undefined);
  const missing = placeholdersOf(template).filter((name) => valueOf(name) === undefined);
  if (missing.length > 0) return { kind: 'missing', names: missing };
  let length = template.length;
  for (const [whole, name = ''] of template.matchAll(PLACEHOLDER)) {
    length += (valueOf(name) ?? '').length - whole.length;
  }
  if (length > longest) return { kind: 'too_long' };
  return { kind: 'filled', text: template.replace(PLACEHOLDER, (_, name: string) => valueOf(name) ?? '') };
}

/** The names of the placeholders, each once, in order. */
export function placeholdersOf(template: string): string[] {
  return [...new Set([...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''))];
}
