const PLACEHOLDER = /\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,99})\s*\}\}/g;

export type Filled = { kind: 'filled'; text: string } | { kind: 'missing'; names: string[] };

/** Puts values into the `{{placeholders}}` of a template. A value is text and never looked at again. */
export function fillTemplate(template: string, values: Readonly<Record<string, string>>): Filled {
  const missing = new Set<string>();
  const text = template.replace(PLACEHOLDER, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) missing.add(name);
    return value ?? '';
  });
  return missing.size > 0 ? { kind: 'missing', names: [...missing] } : { kind: 'filled', text };
}

/** The names of the placeholders, each once, in order. */
export function placeholdersOf(template: string): string[] {
  return [...new Set([...template.matchAll(PLACEHOLDER)].map((match) => match[1] ?? ''))];
}
