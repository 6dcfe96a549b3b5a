import { RE2JS } from '@bufbuild/re2';

/** Something that tells whether a text contains what a pattern describes. */
export interface LinearPattern {
  test(text: string): boolean;
}

/**
 * A regular expression of a stranger in RE2's language, which matches in time linear in the text, however it is written.
 *
 * @throws SyntaxError when it is no expression, or needs back references or look-around
 */
export function linearPattern(source: string): LinearPattern {
  try {
    return new RE2JS(source);
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : 'It is no regular expression', { cause: error });
  }
}
