import { StringDecoder } from 'node:string_decoder';
import type { News } from './hub.js';

/** What is kept of a command's output: the hub takes results of up to 1 MB. */
const MAX_KEPT = 1_048_576;

export type Output = { kind: 'json'; value: unknown } | { kind: 'text'; text: string } | { kind: 'nothing' };

/**
 * Reads a command's standard output: lines that are news go on at once, the rest is its result. Only the end of what is
 * beyond 1 MB is kept.
 */
export class OutputReader {
  private readonly decoder = new StringDecoder('utf8');
  private line = '';
  private kept = '';

  constructor(private readonly onNews: (news: News) => void) {}

  push(chunk: Buffer): void {
    this.take(this.decoder.write(chunk));
  }

  /** After the last chunk: the result. All of it, if that is JSON; else its last line of JSON; else the text. */
  end(): Output {
    this.take(this.decoder.end());
    this.finishLine();
    const text = this.kept.trim();
    if (text === '') return { kind: 'nothing' };
    const whole = jsonIn(text);
    if (whole !== undefined) return { kind: 'json', value: whole };
    const last = text
      .split('\n')
      .reverse()
      .map((line) => (/^\s*[[{]/.test(line) ? jsonIn(line) : undefined))
      .find((value) => value !== undefined);
    return last === undefined ? { kind: 'text', text } : { kind: 'json', value: last };
  }

  private take(text: string): void {
    const lines = text.split('\n');
    for (const [index, part] of lines.entries()) {
      this.line = (this.line + part).slice(-MAX_KEPT);
      if (index < lines.length - 1) this.finishLine();
    }
  }

  private finishLine(): void {
    const news = newsIn(this.line);
    if (news) this.onNews(news);
    else this.kept = `${this.kept}${this.line}\n`.slice(-MAX_KEPT);
    this.line = '';
  }
}

/** An object with `progress` or `usage` and without `result` or `error`. */
function newsIn(line: string): News | null {
  if (!/^\s*\{/.test(line)) return null;
  const value = jsonIn(line);
  if (typeof value !== 'object' || value === null || 'result' in value || 'error' in value) return null;
  const { progress, usage } = value as News;
  return progress === undefined && usage === undefined ? null : { progress, usage };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
