/** Somebody who can be mentioned. */
export interface Mentionable {
  name: string;
}

const MAX_MENTIONS = 100;
const MAX_WORDS = 5;
const MAX_NAME = 200;
/** How much punctuation behind a name may not belong to it. */
const MAX_TRIMMED = 8;
/** A fence is taken whole or not at all: a shorter piece of it would be tried for each of its signs. */
const FENCED = /^ {0,3}(`{3,}(?!`)|~{3,}(?!~))[^\n]*\n[\s\S]*?(?:^ {0,3}\1[`~]*[ \t]*$|$(?![\s\S]))/gm;
/** Not within a word, an e-mail address or a path. */
const AT = /(?<![\p{L}\p{N}_+\-/@])@(?=\S)/gu;
const PUNCTUATION = /[\p{P}\p{S}]$/u;
const SIMPLE_NAME = /^[\p{L}\p{N}_.-]+/u;

/**
 * What each `@` of a Markdown text might name, the longest candidate first: names may have dots, dashes and spaces, and a
 * sentence goes on after them. What stands in code, and what is an e-mail address, mentions nobody.
 */
export function mentionCandidates(text: string): string[][] {
  const prose = withoutCodeSpans(text.replace(FENCED, blank));
  const candidates: string[][] = [];
  for (const { index } of prose.matchAll(AT)) {
    if (candidates.length === MAX_MENTIONS) break;
    const after = prose.slice(index + 1, index + 1 + MAX_NAME);
    candidates.push(namesAt(after.split('\n', 1)[0] ?? ''));
  }
  return candidates;
}

/** Who is mentioned, each once, in the order of the text. @param known by name; several may have the same */
export function mentioned<T extends Mentionable>(text: string, known: readonly T[]): T[] {
  const byName = new Map<string, T[]>();
  for (const one of known) byName.set(one.name, [...(byName.get(one.name) ?? []), one]);
  const found = new Set<T>();
  for (const names of mentionCandidates(text)) {
    const name = names.find((one) => byName.has(one));
    for (const one of name === undefined ? [] : (byName.get(name) ?? [])) found.add(one);
  }
  return [...found];
}

/** Every name that may begin here: one to five words, with and without the punctuation behind them. */
function namesAt(line: string): string[] {
  const ends = [...line.matchAll(/(?<=\S)(?=\s|$)/g)].slice(0, MAX_WORDS).map((match) => match.index);
  const longest = ends.reverse().flatMap((end) => trimmed(line.slice(0, end)));
  return [...new Set([...longest, ...trimmed(SIMPLE_NAME.exec(line)?.[0] ?? '')])];
}

function trimmed(text: string): string[] {
  const names: string[] = [];
  for (let name = text; name !== '' && names.length <= MAX_TRIMMED; name = name.slice(0, -1)) {
    names.push(name);
    if (!PUNCTUATION.test(name)) break;
  }
  return names;
}

/** A span goes from its backticks to the next ones that are as many; looked for in one pass, whatever the text. */
function withoutCodeSpans(text: string): string {
  const ticks = [...text.matchAll(/`+/g)].map(({ index, 0: { length } }) => ({ index, end: index + length, length }));
  const ends = new Map<number, number>();
  const closing = ticks.map(() => 0);
  for (const [n, { end, length }] of [...ticks.entries()].reverse()) {
    closing[n] = ends.get(length) ?? 0;
    ends.set(length, end);
  }
  const parts: string[] = [];
  let from = 0;
  for (const [n, { index }] of ticks.entries()) {
    const end = closing[n] ?? 0;
    if (index < from || end === 0) continue;
    parts.push(text.slice(from, index), blank(text.slice(index, end)));
    from = end;
  }
  return parts.join('') + text.slice(from);
}

function blank(code: string): string {
  return code.replace(/[^\n]/g, ' ');
}
